select c.relname as class, d.objoid as oid, d.objsubid as sub, d.description as text,
  c.relname = 'pg_type' and exists (select from pg_type t where t.typarray = d.objoid) as is_array
from pg_description d join pg_class c on c.oid = d.classoid
where (d.objoid >= 16384 or c.relname in ('pg_namespace', 'pg_extension')) and d.description <> ''
  and not (c.relname = 'pg_namespace' and d.description = 'standard public schema' and d.objoid = to_regnamespace('public'))
union all
-- What comes with a comment and has none: it was removed.
select 'pg_namespace', n.oid, 0, '', false from pg_namespace n
where n.nspname = 'public' and not exists (select from pg_description d where d.classoid = 'pg_namespace'::regclass and d.objoid = n.oid)
union all
select 'pg_extension', e.oid, 0, '', false from pg_extension e
where not exists (select from pg_description d where d.classoid = 'pg_extension'::regclass and d.objoid = e.oid)
  and (select a.comment from pg_available_extensions() a where a.name = e.extname) is not null
