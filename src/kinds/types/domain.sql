select t.oid, t.typnamespace as namespace, t.typname as name, t.typarray as array_type,
       format_type(t.typbasetype, t.typtypmod) as type_name,
       case when t.typcollation <> 0 and t.typcollation <> b.typcollation then t.typcollation::regcollation::text end as collation,
       pg_get_expr(t.typdefaultbin, 0) as "default", t.typnotnull as not_null,
       k.conname as not_null_name, k.oid as not_null_oid,
       t.typowner as owner, t.typacl as acl
from pg_type t
join pg_type b on b.oid = t.typbasetype
left join pg_constraint k on k.contypid = t.oid and k.contype = 'n'
where t.typtype = 'd' and t.typnamespace = any ($schemas)
