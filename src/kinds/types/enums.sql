select t.oid, t.typnamespace as namespace, t.typname as name, t.typarray as array_type, e.labels,
       t.typowner as owner, t.typacl as acl
from pg_type t
left join (select enumtypid, array_agg(enumlabel::text order by enumsortorder) as labels
           from pg_enum group by enumtypid) e on e.enumtypid = t.oid
where t.typtype = 'e' and t.typnamespace = any ($schemas)
