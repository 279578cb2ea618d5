select not has_table_privilege('trueup_two', 't', 'select') and has_table_privilege('trueup_two', 't', 'insert');
select not has_column_privilege('trueup_two', 't', 'a', 'update');
