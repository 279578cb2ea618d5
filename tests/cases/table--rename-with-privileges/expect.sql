select has_table_privilege('trueup_case_reader', 'people', 'select');
select has_column_privilege('trueup_case_reader', 'people', 'full_name', 'update');
select count(*) = 1 from people;
