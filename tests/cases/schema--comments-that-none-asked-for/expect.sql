select obj_description('public'::regnamespace) is null;
select obj_description(oid, 'pg_extension') is null from pg_extension where extname = 'citext';
select obj_description(oid, 'pg_extension') = 'our own' from pg_extension where extname = 'plpgsql';
