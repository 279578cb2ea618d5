select d.oid, d.adrelid as relation, d.adnum as number, a.attgenerated as generated,
       -- A default refers to no column: without a relation its names need not be gathered.
       pg_get_expr(d.adbin, case when a.attgenerated = '' then 0 else d.adrelid end) as expression
from pg_attrdef d
join pg_class c on c.oid = d.adrelid
join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
where c.relkind in ('r', 'p') and c.relnamespace = any ($schemas)
