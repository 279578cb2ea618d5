select not has_table_privilege('anon', 'profiles', 'select') and not has_table_privilege('service_role', 'profiles', 'select');
select has_table_privilege('authenticated', 'profiles', 'select') and not has_table_privilege('authenticated', 'profiles', 'insert, update, delete, truncate, references, trigger');
select not has_table_privilege('anon', 'names', 'select') and not has_table_privilege('authenticated', 'names', 'update');
select not has_sequence_privilege('anon', 'tickets', 'usage') and has_sequence_privilege('service_role', 'tickets', 'usage') and not has_sequence_privilege('service_role', 'tickets', 'update');
select not has_function_privilege('anon', 'secret()', 'execute') and has_function_privilege('service_role', 'secret()', 'execute');
