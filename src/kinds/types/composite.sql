select t.oid, t.typnamespace as namespace, t.typname as name, t.typarray as array_type, t.typrelid as relation,
       t.typowner as owner, t.typacl as acl
from pg_type t
join pg_class c on c.oid = t.typrelid
where t.typtype = 'c' and c.relkind = 'c' and t.typnamespace = any ($schemas)
