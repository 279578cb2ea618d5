select c.oid, c.relnamespace as namespace, c.relname as name, pg_get_viewdef(c.oid) as query, c.reloptions as options,
       r.oid as rule, t.oid as row_type, nullif(t.typarray, 0) as array_type, t.typacl is not null as type_access, c.relowner as owner, c.relacl::text[] as acl
from pg_class c
join pg_rewrite r on r.ev_class = c.oid and r.rulename = '_RETURN'
join pg_type t on t.oid = c.reltype
where c.relkind = 'v' and c.relpersistence <> 't' and c.relnamespace = any ($schemas)
