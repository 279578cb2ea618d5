select count(*) = 1 from pg_default_acl;
select coalesce(proacl::text, '') !~ 'anon' from pg_proc where proname = 'f';
