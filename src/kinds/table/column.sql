select a.attrelid as relation, a.attnum as number, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       case when a.attcollation <> t.typcollation and a.attcollation <> 0 then a.attcollation::regcollation::text end as collation,
       a.attnotnull as not_null, a.attidentity as identity,
       case when a.attstorage <> t.typstorage then a.attstorage end as storage,
       case when a.attstorage <> t.typstorage then t.typstorage end as usual_storage,
       a.attcompression as compression,
       nullif(a.attstattarget, -1) as statistics, a.attoptions as options, a.attislocal as local, a.attinhcount > 0 as inherited,
       a.attacl as acl, case when c.relkind = 'S' then c.oid::regclass::text end as sequence_name
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
-- The privileges on columns that every table has, and on those of sequences, are looked at as well.
where (c.relkind in ('r', 'p') and (a.attnum > 0 or a.attacl is not null) or c.relkind = 'S' and a.attacl is not null)
  and c.relnamespace = any ($schemas) and not a.attisdropped
