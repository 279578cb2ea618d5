//! What a database holds, asked of its catalogs without pg_dump and without trueup.

use super::judge::Options;
use super::servers::Database;

/// Kinds of objects that a schema may hold beyond the everyday ones, each with a query that counts them.
///
/// `extension` objects and those of the system (oid < 16384) do not count.
const BEYOND: &[(&str, &str)] = &[
    (
        "rule",
        "pg_rewrite x where x.rulename <> '_RETURN' and x.oid >= 16384 and not exists (select from pg_depend e \
         where e.classid = 'pg_rewrite'::regclass and e.objid = x.oid and e.deptype = 'e')",
    ),
    ("aggregate", "pg_proc x where x.prokind = 'a' and {user pg_proc}"),
    ("event trigger", "pg_event_trigger x where {user pg_event_trigger}"),
    ("publication", "pg_publication x"),
    ("subscription", "pg_subscription x join pg_database d on d.oid = x.subdbid where d.datname = current_database()"),
    ("foreign data wrapper", "pg_foreign_data_wrapper x where {user pg_foreign_data_wrapper}"),
    ("foreign server", "pg_foreign_server x where {user pg_foreign_server}"),
    ("foreign table", "pg_class x where x.relkind = 'f' and {user pg_class}"),
    ("user mapping", "pg_user_mapping x"),
    ("text search parser", "pg_ts_parser x where {user pg_ts_parser}"),
    ("text search dictionary", "pg_ts_dict x where {user pg_ts_dict}"),
    ("text search configuration", "pg_ts_config x where {user pg_ts_config}"),
    ("text search template", "pg_ts_template x where {user pg_ts_template}"),
    ("operator", "pg_operator x where {user pg_operator}"),
    ("operator class", "pg_opclass x where {user pg_opclass}"),
    ("operator family", "pg_opfamily x where {user pg_opfamily}"),
    (
        "cast",
        // A range type brings its own cast to the multirange.
        "pg_cast x where not exists (select from pg_depend e where e.classid = 'pg_cast'::regclass and e.objid = x.oid \
         and e.deptype = 'i') and {user pg_cast}",
    ),
    ("collation", "pg_collation x where {user pg_collation}"),
    ("conversion", "pg_conversion x where {user pg_conversion}"),
    ("statistics", "pg_statistic_ext x where {user pg_statistic_ext}"),
    ("range type", "pg_type x where x.typtype = 'r' and {user pg_type}"),
    ("base type", "pg_type x where x.typtype in ('b', 'p') and x.typcategory <> 'A' and {user pg_type}"),
    ("transform", "pg_transform x where {user pg_transform}"),
    ("security label", "pg_seclabel x"),
    ("language", "pg_language x where {user pg_language}"),
    ("access method", "pg_am x where {user pg_am}"),
];

/// The kinds beyond the everyday ones that a database holds.
pub fn beyond(database: &Database) -> Result<Vec<String>, String> {
    let parts: Vec<String> = BEYOND
        .iter()
        .map(|(kind, from)| {
            let mut from = (*from).to_string();
            if let Some(start) = from.find("{user ") {
                let end = from[start..].find('}').map_or(from.len(), |end| start + end + 1);
                let catalog = from[start + 6..end - 1].to_string();
                let own = format!(
                    "x.oid >= 16384 and not exists (select from pg_depend e where e.classid = '{catalog}'::regclass \
                     and e.objid = x.oid and e.deptype = 'e')"
                );
                from.replace_range(start..end, &own);
            }
            format!("select '{kind}' where exists (select from {from})")
        })
        .collect();
    Ok(database.rows(&parts.join(" union all "))?.into_iter().flatten().flatten().collect())
}

/// Everything that the judge compares where no pg_dump serves: kind, name, text.
const LINES: &str = r"
with space as (
    select oid, nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'trueup')
), ext as (
    select classid, objid from pg_depend where deptype = 'e'
), rel as (
    select c.*, n.nspname, format('%I.%I', n.nspname, c.relname) as name from pg_class c join space n on n.oid = c.relnamespace
    where not exists (select from ext where classid = 'pg_class'::regclass and objid = c.oid)
)
select 'schema' as kind, nspname::text as name, coalesce({acl coalesce(n.nspacl, acldefault('n', n.nspowner))}, '') as text
from pg_namespace n join space using (oid, nspname)
union all
select 'relation', r.name, concat_ws(' ', r.relkind::text, r.relpersistence::text, r.relrowsecurity::text, r.relforcerowsecurity::text,
    (select string_agg(o, ',' order by o) from unnest(r.reloptions) o), pg_get_partkeydef(r.oid), pg_get_expr(r.relpartbound, r.oid), r.relreplident::text, {acl coalesce(r.relacl, case when r.relkind = 'S' then acldefault('s', r.relowner) else acldefault('r', r.relowner) end)},
    (select string_agg(i.inhparent::regclass::text, ',' order by i.inhseqno) from pg_inherits i where i.inhrelid = r.oid),
    (select string_agg(o, ',' order by o) from pg_class toast, unnest(toast.reloptions) o where toast.oid = r.reltoastrelid),
    (select amname from pg_am where oid = r.relam))
from rel r where r.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
union all
select 'column', r.name || '.' || a.attname, concat_ws(' ', {order a.attnum}, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
    nullif(a.attidentity::text, ''), nullif(a.attgenerated::text, ''), pg_get_expr(d.adbin, d.adrelid), a.attstorage::text,
    nullif(a.attcollation, t.typcollation)::regcollation::text, case when a.attislocal then 'local' else 'inherited' end,
    nullif(a.attcompression::text, ''), 'statistics ' || nullif(a.attstattarget, -1), {acl a.attacl},
        (select string_agg(o, ',' order by o) from unnest(a.attoptions) o where o !~ '^pg_attver='))
from rel r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
where r.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
union all
-- Like pg_dump, not under the names of the parts of foreign keys between partitions, which the server chooses by turns.
select 'constraint', concat_ws('.', r.name, ty.typname, case when c.contype = 'f' and c.conparentid <> 0
    then (select concat('part of ', p.conname) from pg_constraint p where p.oid = c.conparentid) else c.conname end), concat_ws(' ',
    case when w.oid is null then pg_get_constraintdef(c.oid) else replace(pg_get_constraintdef(c.oid), ' NOT VALID', '') end,
    -- Like pg_dump, which writes the NOT NULL of a partition in any case.
    case when c.contype = 'n' and r.relispartition then '' when c.conislocal then 'local' else 'inherited' end, coalesce(w.convalidated, c.convalidated)::text)
from pg_constraint c join space n on n.oid = c.connamespace left join rel r on r.oid = c.conrelid left join pg_type ty on ty.oid = c.contypid
-- A foreign key to a partitioned table has a part for each partition. Up to 17, VALIDATE says that the key is valid and leaves the flags of
-- these parts as they are. They say nothing: the parts cannot be validated by themselves (their partition has not all keys), the server
-- reads the key's own flag, and makes them anew from it when either table is attached or detached.
left join pg_constraint w on w.oid = c.conparentid and w.conrelid = c.conrelid and c.contype = 'f'
    and current_setting('server_version_num')::int < 180000
union all
select 'index', r.name, concat_ws(' ', pg_get_indexdef(r.oid), i.indisclustered::text, i.indisreplident::text, i.indisvalid::text,
    (select string_agg(concat(a.attnum, ':', a.attstattarget), ',' order by a.attnum) from pg_attribute a where a.attrelid = r.oid and a.attstattarget >= 0))
from rel r join pg_index i on i.indexrelid = r.oid
union all
select 'view', r.name, pg_get_viewdef(r.oid) from rel r where r.relkind in ('v', 'm')
union all
select 'rule', r.name || '.' || w.rulename, concat_ws(' ', pg_get_ruledef(w.oid), w.ev_enabled::text)
from pg_rewrite w join rel r on r.oid = w.ev_class where w.rulename <> '_RETURN'
union all
select 'sequence', r.name, concat_ws(' ', format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle,
    (select concat(d.deptype, d.refobjid::regclass, '.', a.attname) from pg_depend d
     join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
     where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.deptype in ('a', 'i')))
from rel r join pg_sequence s on s.seqrelid = r.oid
union all
select 'routine', p.oid::regprocedure::text, concat_ws(' ', case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end, {acl coalesce(p.proacl, acldefault('f', p.proowner))})
from pg_proc p join space n on n.oid = p.pronamespace
where not exists (select from ext where classid = 'pg_proc'::regclass and objid = p.oid)
union all
select 'trigger', r.name || '.' || t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled::text)
from pg_trigger t join rel r on r.oid = t.tgrelid left join pg_trigger p on p.oid = t.tgparentid
-- Up to 14, clones count as internal.
where not t.tgisinternal or p.tgname = t.tgname
union all
select 'policy', r.name || '.' || p.polname, concat_ws(' ', p.polcmd::text, p.polpermissive::text,
    (select string_agg(r, ',' order by r) from (select case x when 0 then 'public' else x::regrole::text end as r from unnest(p.polroles) x) roles),
    pg_get_expr(p.polqual, p.polrelid), '/', pg_get_expr(p.polwithcheck, p.polrelid))
from pg_policy p join rel r on r.oid = p.polrelid
union all
select 'enum', e.enumtypid::regtype::text, string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_enum e group by e.enumtypid
union all
select 'type', format('%I.%I', n.nspname, t.typname), {acl coalesce(t.typacl, acldefault('T', t.typowner))}
from pg_type t join space n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
where (t.typtype in ('e', 'd', 'r') or c.relkind = 'c') and not exists (select from ext where classid = 'pg_type'::regclass and objid = t.oid)
union all
select 'domain', t.oid::regtype::text, concat_ws(' ', format_type(t.typbasetype, t.typtypmod), t.typnotnull::text, t.typdefault)
from pg_type t join space n on n.oid = t.typnamespace where t.typtype = 'd'
union all
-- Like pg_dump, without the version: where none is declared, it is the server's to say.
select 'extension', e.extname, n.nspname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace
union all
select 'event trigger', evtname, concat_ws(' ', evtevent, evtfoid::regproc::text, evtenabled::text, evttags::text) from pg_event_trigger
union all
select 'statistics', format('%I.%I', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid) from pg_statistic_ext s join space n on n.oid = s.stxnamespace
union all
select 'default privileges', concat_ws('.', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype), {acl defaclacl} from pg_default_acl
union all
select 'publication', pubname, concat_ws(' ', puballtables, pubinsert, pubupdate, pubdelete, pubtruncate,
    (select string_agg(prrelid::regclass::text, ',' order by prrelid::regclass::text) from pg_publication_rel where prpubid = p.oid)) from pg_publication p
union all
select 'comment', (pg_identify_object(d.classoid, d.objoid, d.objsubid)).identity, d.description
from pg_description d where d.objoid >= 16384 and not exists (select from ext e where e.classid = d.classoid and e.objid = d.objoid)
    and not (d.classoid = 'pg_namespace'::regclass and d.objoid = coalesce(to_regnamespace('trueup')::oid, 0))
order by 1, 2, 3";

/// The objects of a database as (kind, name, text).
pub fn lines(database: &Database, options: Options) -> Result<Vec<(String, String, String)>, String> {
    let mut query = LINES.replace("{order a.attnum}", if options.ignore_column_order {
        "''"
    } else {
        // Without the holes that dropped columns leave.
        "(select count(*) from pg_attribute o where o.attrelid = a.attrelid and o.attnum between 1 and a.attnum and not o.attisdropped)"
    });
    while let Some(start) = query.find("{acl ") {
        let end = query[start..].find('}').map_or(query.len(), |end| start + end + 1);
        let column = query[start + 5..end - 1].to_string();
        query.replace_range(
            start..end,
            &format!("(select string_agg(x::text, ',' order by x::text) from unnest({column}) x)"),
        );
    }
    let rows = database.rows(&query)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || values.next().unwrap_or_default();
            (next(), next(), next())
        })
        .collect())
}
