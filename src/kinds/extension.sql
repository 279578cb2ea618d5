select e.oid, e.extname as name, n.oid as namespace, n.nspname as schema, e.extversion as version,
       e.extrelocatable as relocatable,
       e.oid in (select d.refobjid
                 from pg_depend d join pg_class c on c.oid = d.objid
                 where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
                   and d.classid = 'pg_class'::regclass and c.relkind in ('r', 'p')) as holds_tables
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
