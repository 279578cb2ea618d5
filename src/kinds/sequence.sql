select c.oid, c.relnamespace as namespace, c.relname as name, format_type(s.seqtypid, null) as type_name,
       s.seqstart as start, s.seqincrement as increment, s.seqmin as min, s.seqmax as max, s.seqcache as cache,
       s.seqcycle as cycle, c.relpersistence as persistence, c.relowner as owner, c.relacl as acl,
       d.refobjid as relation, d.refobjsubid as number
from pg_class c
join pg_sequence s on s.seqrelid = c.oid
left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'i'
where c.relkind = 'S' and c.relnamespace = any ($schemas) and c.relpersistence <> 't'
