select not has_table_privilege('anon', 'payroll', 'select') and not has_table_privilege('authenticated', 'payroll', 'truncate');
select has_table_privilege('service_role', 'payroll', 'delete') and has_table_privilege('anon', 'news', 'select');
select not has_table_privilege('anon', 'news', 'insert') and not has_table_privilege('authenticated', 'news', 'select');
select not has_function_privilege('anon', 'admin_only()', 'execute') and has_function_privilege('service_role', 'admin_only()', 'execute');
select not exists (select from pg_default_acl a, aclexplode(a.defaclacl) e where a.defaclnamespace = 'public'::regnamespace and e.grantee in ('anon'::regrole, 'authenticated'::regrole, 'service_role'::regrole));
select count(*) = 1 from pg_default_acl where defaclnamespace = 'storage'::regnamespace;
select defaclacl::text !~ '[{,]=X' from pg_default_acl where defaclnamespace = 0 and defaclobjtype = 'f';
