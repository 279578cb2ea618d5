select has_table_privilege('trueup_case_stranger', 'open', 'insert') and has_table_privilege('trueup_case_service', 'open', 'truncate');
select has_function_privilege('trueup_case_stranger', 'callable()', 'execute');
select has_table_privilege('trueup_case_stranger', 'said', 'select') and not has_table_privilege('trueup_case_stranger', 'said', 'insert');
