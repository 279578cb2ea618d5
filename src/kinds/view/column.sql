select a.attrelid as relation, a.attnum as number, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       nullif(a.attstattarget, -1) as statistics, d.oid as default_oid, pg_get_expr(d.adbin, d.adrelid) as "default",
       a.attacl as acl
from pg_attribute a
join pg_class c on c.oid = a.attrelid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relkind in ('v', 'm') and a.attnum > 0 and not a.attisdropped and c.relnamespace = any ($schemas)
order by a.attrelid, a.attnum
