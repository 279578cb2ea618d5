select d.objid as sequence, d.refobjid as relation, d.refobjsubid as number
from pg_depend d
join pg_class c on c.oid = d.objid
where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'a' and d.refobjsubid > 0
  and c.relkind = 'S' and c.relnamespace = any ($schemas)
