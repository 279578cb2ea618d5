select p.oid, p.polrelid as relation, p.polname as name, p.polpermissive as permissive, p.polcmd as command,
       p.polroles as roles,
       pg_get_expr(p.polqual, p.polrelid) as "using",
       pg_get_expr(p.polwithcheck, p.polrelid) as "check"
from pg_policy p
