select a.attrelid as relation, a.attnum as number, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       case when a.attcollation <> t.typcollation and a.attcollation <> 0 then a.attcollation::regcollation::text end as collation,
       a.attnotnull as not_null, a.attidentity as identity,
       case when s.seqrelid is not null
            then json_build_object('oid', s.seqrelid::text, 'schema', s.schema, 'name', s.name, 'type', format_type(s.seqtypid, null),
                                   'start', s.seqstart::text, 'increment', s.seqincrement::text, 'min', s.seqmin::text, 'max', s.seqmax::text,
                                   'cache', s.seqcache::text, 'cycle', s.seqcycle, 'owner', s.owner::text, 'acl', s.acl, 'other_persistence', {{15: s.persistence <> c.relpersistence}}{{-14: false}})::text end as sequence,
       case when a.attstorage <> t.typstorage then a.attstorage end as storage,
       case when a.attstorage <> t.typstorage then t.typstorage end as usual_storage,
       a.attcompression as compression,
       nullif(a.attstattarget, -1) as statistics, a.attoptions as options, a.attislocal as local, a.attinhcount > 0 as inherited,
       a.attacl as acl, case when c.relkind = 'S' then c.oid::regclass::text end as sequence_name
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
left join (select d.refobjid, d.refobjsubid, q.*, c.relname as name, n.nspname as schema, c.relowner as owner, c.relacl::text[] as acl, c.relpersistence as persistence
           from pg_depend d
           join pg_sequence q on q.seqrelid = d.objid
           join pg_class c on c.oid = d.objid
           join pg_namespace n on n.oid = c.relnamespace
           where d.refclassid = 'pg_class'::regclass and d.classid = 'pg_class'::regclass and d.deptype = 'i') s
  on s.refobjid = a.attrelid and s.refobjsubid = a.attnum and a.attidentity <> ''
-- The privileges on columns that every table has, and on those of sequences, are looked at as well.
where (c.relkind in ('r', 'p') and (a.attnum > 0 or a.attacl is not null) or c.relkind = 'S' and a.attacl is not null)
  and c.relnamespace = any ($schemas) and not a.attisdropped
