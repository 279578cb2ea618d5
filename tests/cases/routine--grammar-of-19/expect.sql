select count(*) = 1 from pg_policy where pg_get_expr(polqual, polrelid) like '%IGNORE NULLS%';
select pg_get_functiondef('found(int)'::regprocedure) like '%DO SELECT%';
select b = 5 from firsts where id = 1;
