with members as (
  select e.oid as extension, e.extname, d.classid, d.objid, d.deptype, d.xmin as made, e.xmin as last, d.objsubid
  from pg_extension e join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid
  where d.deptype in ('e', 'x')
), made as (
  select extension, made from members where deptype = 'e' union select extension, last from members
), together as (
  -- What an extension's script makes, it makes in one transaction, and what is of another was made or changed by somebody else. A
  -- server that was brought here by pg_upgrade has made each part in a transaction of its own, which says nothing.
  select extension from members where deptype = 'e'
  group by 1 having count(*) > count(distinct made::text) or bool_or(made::text = last::text)
), tables as (
  select m.extension, c.oid, c.relrowsecurity or c.relforcerowsecurity as secured, c.reloptions is not null as has_options,
         exists (select from together t where t.extension = m.extension) as together,
         not exists (select from made o where o.extension = m.extension and o.made = c.xmin) as touched
  from members m join pg_class c on c.oid = m.objid
  where m.deptype = 'e' and m.classid = 'pg_class'::regclass and c.relkind in ('r', 'p', 'v', 'm', 'f')
), parts as (
  select 'pg_class'::regclass as class, i.indexrelid as oid, 0 as sub, t.extension, i.xmin as made, t.together
    from tables t join pg_index i on i.indrelid = t.oid where not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.conrelid = t.oid)
  union all select 'pg_constraint'::regclass, k.oid, 0, t.extension, k.xmin, t.together
    from tables t join pg_constraint k on k.conrelid = t.oid where k.contype <> 'n'
  union all select 'pg_policy'::regclass, p.oid, 0, t.extension, p.xmin, t.together from tables t join pg_policy p on p.polrelid = t.oid
  -- A trigger that runs a function of its own is the user's in any case.
  union all select 'pg_trigger'::regclass, g.oid, 0, t.extension, g.xmin,
      t.together or not exists (select from members m where m.classid = 'pg_proc'::regclass and m.objid = g.tgfoid)
    from tables t join pg_trigger g on g.tgrelid = t.oid where not g.tgisinternal
  union all select 'pg_class'::regclass, a.attrelid, a.attnum, t.extension, a.xmin, t.together
    from tables t join pg_attribute a on a.attrelid = t.oid where a.attnum > 0 and not a.attisdropped and a.attacl is null
), given as (
  select 'pg_proc'::regclass as class, oid, 0 as sub, proacl as acl, 'f'::"char" as letter, proowner as owner from pg_proc where oid < 16384 and proacl is not null and pronamespace = 11
  union all select 'pg_class'::regclass, oid, 0, relacl, (case relkind when 'S' then 's' else 'r' end)::"char", relowner from pg_class where oid < 16384 and relacl is not null and relnamespace = 11
  union all select 'pg_class'::regclass, attrelid, attnum, attacl, 'c', 10 from pg_attribute where attrelid < 16384 and attacl is not null
  union all select 'pg_type'::regclass, oid, 0, typacl, 'T', typowner from pg_type where oid < 16384 and typacl is not null and typnamespace = 11
  union all select 'pg_language'::regclass, l.oid, 0, lanacl, 'l', lanowner from pg_language l where l.oid < 16384 and lanacl is not null
    and not exists (select from members m where m.classid = 'pg_language'::regclass and m.objid = l.oid)
  union all select 'pg_namespace'::regclass, oid, 0, nspacl, 'n', nspowner from pg_namespace where oid = 11 and nspacl is not null
)
select 'subscription' as kind, subname::text as name from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database())
union all
-- Never what it is set to, which may be a secret.
select 'setting of the database', split_part(entry, '=', 1) || case when s.setrole <> 0 then ' for ' || pg_get_userbyid(s.setrole) else '' end
from pg_db_role_setting s cross join unnest(s.setconfig) entry
where s.setdatabase = (select oid from pg_database where datname = current_database())
union all
select 'dependence on an extension', pg_describe_object(classid, objid, objsubid) || ' on ' || extname from members where deptype = 'x'
union all
select 'change to a part of an extension', pg_describe_object(p.class, p.oid, p.sub) from parts p
where p.together and not exists (select from made m where m.extension = p.extension and m.made = p.made)
union all
select 'change to a part of an extension', 'row security of ' || pg_describe_object('pg_class'::regclass, oid, 0)
from tables where together and touched and secured
union all
select 'change to a part of an extension', 'storage parameters of ' || pg_describe_object('pg_class'::regclass, oid, 0)
from tables where together and touched and has_options
union all
select 'change to a part of an extension', 'comment on ' || pg_describe_object(d.classoid, d.objoid, d.objsubid)
from members m join pg_description d on d.classoid = m.classid and d.objoid = m.objid
where m.deptype = 'e' and m.extension in (select extension from together)
  and not exists (select from made o where o.extension = m.extension and o.made = d.xmin)
union all
-- What the server was set up with stands in pg_init_privs, but for the information schema's.
select distinct 'privilege on a part of PostgreSQL',
  pg_describe_object(g.class, g.oid, g.sub) || ' for ' || case e.grantee when 0 then 'public' else pg_get_userbyid(e.grantee)::text end
from given g
left join pg_init_privs i on i.classoid = g.class and i.objoid = g.oid and i.objsubid = g.sub
cross join lateral (
  select grantee, privilege_type, is_grantable from (
    select 1 as has, x.* from aclexplode(g.acl) x
    union all select -1, x.* from aclexplode(coalesce(i.initprivs, acldefault(g.letter, g.owner))) x
  ) both_sides
  group by 1, 2, 3 having sum(has) <> 0
) e
where g.acl is distinct from i.initprivs
union all
select 'default privileges in a system schema', d.defaclnamespace::regnamespace::text || ' for ' || pg_get_userbyid(d.defaclrole)
from pg_default_acl d join pg_namespace n on n.oid = d.defaclnamespace
where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
union all
-- The parts that partitions have of their parents' foreign keys and triggers are not told apart from those.
select 'comment on a part of a partition', pg_describe_object(d.classoid, d.objoid, 0)
from pg_description d join pg_constraint k on k.oid = d.objoid
where d.classoid = 'pg_constraint'::regclass and k.conparentid <> 0 and k.contype = 'f'
union all
select 'comment on a part of a partition', pg_describe_object(d.classoid, d.objoid, 0)
from pg_description d join pg_trigger t on t.oid = d.objoid join pg_trigger p on p.oid = t.tgparentid
where d.classoid = 'pg_trigger'::regclass and t.tgenabled = p.tgenabled
order by 1, 2
