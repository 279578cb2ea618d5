select has_table_privilege('trueup_one', 't', 'select') and not has_table_privilege('trueup_one', 't', 'select with grant option');
select has_table_privilege('trueup_two', 't', 'select') and not has_table_privilege('trueup_two', 't', 'update');
select has_table_privilege('trueup_three', 't', 'update') and not has_table_privilege('trueup_three', 't', 'insert');
select has_function_privilege('trueup_two', 'f()', 'execute');
select attacl is null from pg_attribute where attrelid = 't'::regclass and attname = 'a';
