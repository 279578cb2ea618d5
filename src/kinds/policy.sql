select p.oid, p.polrelid as relation, p.polname as name, p.polpermissive as permissive, p.polcmd as command,
       p.polroles as roles,
       case when $later then p.polqual::text else pg_get_expr(p.polqual, p.polrelid) end as "using",
       case when $later then p.polwithcheck::text else pg_get_expr(p.polwithcheck, p.polrelid) end as "check"
from pg_policy p
