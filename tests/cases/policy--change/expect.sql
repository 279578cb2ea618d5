select count(*) = 2 from pg_policy where polrelid = 'documents'::regclass;
select relrowsecurity and relforcerowsecurity from pg_class where oid = 'documents'::regclass;
select pg_get_expr(polqual, polrelid) like '%public%' from pg_policy where polname = 'own documents';
