select has_table_privilege('trueup_case_owner', 'items', 'truncate');
