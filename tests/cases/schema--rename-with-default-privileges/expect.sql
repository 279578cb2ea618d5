select core.f(1) = 'x';
select has_table_privilege('trueup_case_reader', 'core.people', 'select');
select count(*) = 1 from pg_default_acl where defaclnamespace = 'core'::regnamespace;
