select a.attrelid as relation, a.attnum as number, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       nullif(a.attstattarget, -1) as statistics,
       case when c.relkind = 'm' and a.attstorage <> t.typstorage then a.attstorage end as storage,
       case when c.relkind = 'm' and a.attstorage <> t.typstorage then t.typstorage end as usual_storage,
       case when c.relkind = 'm' then a.attcompression else '' end as compression, a.attoptions as options, d.oid as default_oid, pg_get_expr(d.adbin, d.adrelid) as "default",
       a.attacl as acl
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relkind in ('v', 'm') and a.attnum > 0 and not a.attisdropped and c.relnamespace = any ($schemas)
order by a.attrelid, a.attnum
