with of_system as (
  select oid from pg_namespace where nspname in ('pg_catalog', 'information_schema')
), u as (
  select case p.prokind when 'a' then 'aggregate' else 'object in a system schema' end as kind, p.oid::regprocedure::text as name, 'pg_proc'::regclass as class, p.oid, p.pronamespace as ns
    from pg_proc p where p.oid >= 16384 and (p.prokind = 'a' or p.pronamespace = any (array(select oid from of_system)))
  union all select 'rule', r.rulename || ' on ' || r.ev_class::regclass::text, 'pg_rewrite'::regclass, r.oid, c.relnamespace from pg_rewrite r join pg_class c on c.oid = r.ev_class where r.rulename <> '_RETURN' and r.oid >= 16384
  union all select 'event trigger', evtname, 'pg_event_trigger'::regclass, oid, 0 from pg_event_trigger
  union all select 'publication', pubname, 'pg_publication'::regclass, oid, 0 from pg_publication
  union all select 'foreign data wrapper', fdwname, 'pg_foreign_data_wrapper'::regclass, oid, 0 from pg_foreign_data_wrapper
  union all select 'foreign server', srvname, 'pg_foreign_server'::regclass, oid, 0 from pg_foreign_server
  union all select 'user mapping', srvname || ' for ' || usename, 'pg_user_mapping'::regclass, umid, 0 from pg_user_mappings
  union all select case c.relkind when 'f' then 'foreign table' else 'object in a system schema' end, c.oid::regclass::text, 'pg_class'::regclass, c.oid, c.relnamespace
    from pg_class c where c.relkind = 'f' or c.relnamespace = any (array(select oid from of_system)) and c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'S')
  union all select 'text search configuration', oid::regconfig::text, 'pg_ts_config'::regclass, oid, cfgnamespace from pg_ts_config where oid >= 16384
  union all select 'text search dictionary', oid::regdictionary::text, 'pg_ts_dict'::regclass, oid, dictnamespace from pg_ts_dict where oid >= 16384
  union all select 'text search parser', prsname, 'pg_ts_parser'::regclass, oid, prsnamespace from pg_ts_parser where oid >= 16384
  union all select 'text search template', tmplname, 'pg_ts_template'::regclass, oid, tmplnamespace from pg_ts_template where oid >= 16384
  union all select 'operator', oid::regoperator::text, 'pg_operator'::regclass, oid, oprnamespace from pg_operator where oid >= 16384
  union all select 'operator class', opcname, 'pg_opclass'::regclass, oid, opcnamespace from pg_opclass where oid >= 16384
  union all select 'operator family', opfname, 'pg_opfamily'::regclass, oid, opfnamespace from pg_opfamily f where oid >= 16384
    and not exists (select from pg_opclass o where o.opcfamily = f.oid)
  union all select 'cast', format_type(castsource, null) || ' as ' || format_type(casttarget, null), 'pg_cast'::regclass, oid, 0 from pg_cast c where oid >= 16384
    and not exists (select from pg_depend d where d.classid = 'pg_cast'::regclass and d.objid = c.oid and d.deptype = 'i')
  union all select 'collation', oid::regcollation::text, 'pg_collation'::regclass, oid, collnamespace from pg_collation where oid >= 16384
  union all select 'conversion', conname, 'pg_conversion'::regclass, oid, connamespace from pg_conversion where oid >= 16384
  union all select 'statistics object', stxname, 'pg_statistic_ext'::regclass, oid, stxnamespace from pg_statistic_ext
  union all select case t.typtype when 'r' then 'range type' when 'b' then 'base type' when 'p' then 'base type' else 'object in a system schema' end, t.oid::regtype::text, 'pg_type'::regclass, t.oid, t.typnamespace
    from pg_type t where t.oid >= 16384 and (t.typtype in ('r', 'b', 'p') or t.typtype in ('e', 'd') and t.typnamespace = any (array(select oid from of_system))) and not exists (select from pg_type e where e.typarray = t.oid)
  union all select 'language', lanname, 'pg_language'::regclass, oid, 0 from pg_language where oid >= 16384
  union all select 'transform', format_type(trftype, null), 'pg_transform'::regclass, oid, 0 from pg_transform where oid >= 16384
  union all select 'access method', amname, 'pg_am'::regclass, oid, 0 from pg_am where oid >= 16384
  union all select 'security label', objtype || ' ' || objname, 'pg_seclabel'::regclass, 0::oid, objnamespace from pg_seclabels where objtype <> 'large object'
  union all select 'switched-off enforcement', k.conname || ' on ' || k.conrelid::regclass::text, 'pg_constraint'::regclass, 0::oid, k.connamespace
    from pg_constraint k where k.contype in ('f', 'p', 'u', 'x')
    and exists (select from pg_trigger t where t.tgconstraint = k.oid and t.tgisinternal and t.tgenabled <> 'O')
), own as (
  select * from u
  where not exists (select from pg_depend d where d.classid = u.class and d.objid = u.oid and d.deptype = 'e')
    and not exists (select from pg_namespace n where n.oid = u.ns and (n.nspname ~ '^pg_(temp|toast)' or n.nspname = 'pg_catalog' and u.kind = 'collation'))
), stands_for as (
  select kind || ' ' || name as what, class, oid from own where oid <> 0
), also as (
  -- Types of rows and of arrays, the multirange and the constructors of a range.
  select o.what, d.classid as class, d.objid as oid from stands_for o join pg_depend d on d.refclassid = o.class and d.refobjid = o.oid and d.deptype = 'i'
), all_of_it as (
  select * from stands_for
  union select * from also
  union select o.what, d.classid, d.objid from also o join pg_depend d on d.refclassid = o.class and d.refobjid = o.oid and d.deptype = 'i'
), parts as (
  select class, oid from own
  union all select 'pg_publication_rel'::regclass, oid from pg_publication_rel
{{15:   union all select 'pg_publication_namespace'::regclass, oid from pg_publication_namespace
}}  union all select 'pg_amop'::regclass, oid from pg_amop where oid >= 16384
  union all select 'pg_amproc'::regclass, oid from pg_amproc where oid >= 16384
)
select kind, name, null as refclass, null as refoid, null as refsub, null as deptype from own
union all
-- What depends on the type of rows has an expression that names it ('r').
select '', pg_describe_object(d.classid, d.objid, d.objsubid), d.refclassid::text, d.refobjid::text, d.refobjsubid::text,
  case when d.refclassid = 'pg_type'::regclass and d.classid in ('pg_rewrite'::regclass, 'pg_statistic_ext'::regclass) then 'r' else d.deptype end::text
from parts p join pg_depend d on d.classid = p.class and d.objid = p.oid
where d.refobjid >= 16384 and d.deptype in ('n', 'a')
union all
-- What rests on it.
select '>', o.what, d.classid::text, d.objid::text, d.objsubid::text, d.deptype::text
from all_of_it o join pg_depend d on d.refclassid = o.class and d.refobjid = o.oid and d.deptype in ('n', 'a')
where d.objid >= 16384 and not exists (select from own where own.class = d.classid and own.oid = d.objid)
union all
select '', 'security label on ' || pg_describe_object(l.classoid, l.objoid, l.objsubid), l.classoid::text, l.objoid::text, l.objsubid::text, 'a'
from pg_seclabel l where l.objoid >= 16384
union all
-- What users gave and took away of the parts of an extension, which pg_dump restores. What the extension's script gives stands in
-- pg_init_privs; what default privileges gave when it was created stands nowhere, and is told apart by what they are now.
select case when g.by_default then 'default privilege on a part of an extension' else 'privilege on a part of an extension' end,
  pg_describe_object(d.classid, d.objid, m.sub) || ' for ' || case g.grantee when 0 then 'public' else pg_get_userbyid(g.grantee)::text end,
  null, null, null, null
from pg_depend d
cross join lateral (
  select 0 as sub, pronamespace as ns, 'f'::"char" as letter, proowner as owner, proacl as acl from pg_proc where d.classid = 'pg_proc'::regclass and oid = d.objid
  union all select 0, relnamespace, (case relkind when 'S' then 's' else 'r' end)::"char", relowner, relacl
    from pg_class where d.classid = 'pg_class'::regclass and oid = d.objid and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  union all select a.attnum, 0, 'c', c.relowner, a.attacl
    from pg_class c join pg_attribute a on a.attrelid = c.oid where d.classid = 'pg_class'::regclass and c.oid = d.objid
  union all select 0, typnamespace, 'T', typowner, typacl from pg_type where d.classid = 'pg_type'::regclass and oid = d.objid
  union all select 0, 0, 'n', nspowner, nspacl from pg_namespace where d.classid = 'pg_namespace'::regclass and oid = d.objid
  union all select 0, 0, 'l', lanowner, lanacl from pg_language where d.classid = 'pg_language'::regclass and oid = d.objid
  union all select 0, 0, 'F', fdwowner, fdwacl from pg_foreign_data_wrapper where d.classid = 'pg_foreign_data_wrapper'::regclass and oid = d.objid
) m
left join pg_init_privs i on i.classoid = d.classid and i.objoid = d.objid and i.objsubid = m.sub and i.privtype = 'e'
left join pg_default_acl o on o.defaclrole = m.owner and o.defaclnamespace = 0
  and o.defaclobjtype = (case m.letter when 's' then 'S' else m.letter end)
left join pg_default_acl s on s.defaclrole = m.owner and s.defaclnamespace = m.ns and m.ns <> 0
  and s.defaclobjtype = (case m.letter when 's' then 'S' else m.letter end)
cross join lateral (
  select coalesce(m.acl, acldefault(m.letter, m.owner)) as has,
    coalesce(i.initprivs, acldefault(m.letter, m.owner)) as given,
    coalesce(i.initprivs, coalesce(o.defaclacl, acldefault(m.letter, m.owner)) || coalesce(s.defaclacl, '{}')) as by_default
) a
cross join lateral (
  select e.grantee, not bool_or(e.other) as by_default from (
    select grantee, privilege_type, is_grantable, bool_or(what = 'd') <> bool_or(what = 'h') as other, bool_or(what = 'g') <> bool_or(what = 'h') as differs
    from (
      select 'h' as what, x.* from aclexplode(a.has) x
      union all select 'g', x.* from aclexplode(a.given) x
      union all select 'd', x.* from aclexplode(a.by_default) x
    ) all_three
    group by 1, 2, 3
  ) e
  group by 1 having bool_or(e.differs)
) g
where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e' and m.acl is distinct from i.initprivs
group by 1, 2
order by 1, 2