select n.oid, n.nspname as name, n.nspowner as owner, n.nspacl as acl
from pg_namespace n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
