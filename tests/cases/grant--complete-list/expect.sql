select not has_table_privilege('trueup_case_stranger', 'payroll', 'truncate') and has_table_privilege('trueup_case_service', 'payroll', 'truncate');
select not has_function_privilege('trueup_case_stranger', 'probe()', 'execute') and has_function_privilege('trueup_case_service', 'probe()', 'execute');
select not has_function_privilege('trueup_case_stranger', 'old_probe()', 'execute') and has_function_privilege('trueup_case_service', 'old_probe()', 'execute');
select not has_type_privilege('trueup_case_stranger', 'mood', 'usage');
select has_table_privilege('trueup_case_stranger', 'news', 'select') and not has_table_privilege('trueup_case_stranger', 'news', 'insert') and not has_table_privilege('trueup_case_service', 'news', 'select');
select not has_table_privilege('trueup_case_stranger', 'nobody', 'select') and not has_table_privilege('trueup_case_service', 'nobody', 'select');
select not has_any_column_privilege('trueup_case_stranger', 'old', 'select, update') and not has_table_privilege('trueup_case_stranger', 'old', 'select') and has_table_privilege('trueup_case_service', 'old', 'select');
