select a.attrelid as relation, a.attnum as number, a.attname as name,
       row_number() over (partition by a.attrelid order by a.attnum) as position,
       format_type(a.atttypid, a.atttypmod) as type_name,
       case when a.attcollation <> 0 and a.attcollation <> t.typcollation then a.attcollation::regcollation::text end as collation
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
where c.relkind = 'c' and c.relnamespace = any ($schemas) and a.attnum > 0 and not a.attisdropped
