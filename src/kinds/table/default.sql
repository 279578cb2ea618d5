select d.oid, d.adrelid as relation, d.adnum as number, a.attgenerated as generated, a.attidentity as identity,
       -- A default refers to no column: without a relation its names need not be gathered.
       pg_get_expr(d.adbin, case when a.attgenerated = '' then 0 else d.adrelid end) as expression
from pg_attrdef d
join pg_class c on c.oid = d.adrelid
join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
where c.relkind in ('r', 'p') and c.relnamespace = any ($schemas)

union all
-- A column that has none while a parent of its table has one.
select distinct 0::oid, a.attrelid, a.attnum, ''::"char", ''::"char", 'NULL'
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
join pg_attribute a on a.attrelid = i.inhrelid
join pg_attribute p on p.attrelid = i.inhparent and p.attname = a.attname
where c.relkind = 'r' and not c.relispartition and c.relnamespace = any ($schemas)
  and not a.atthasdef and a.attidentity = '' and a.attnum > 0 and not a.attisdropped
  and p.atthasdef and p.attgenerated = ''
