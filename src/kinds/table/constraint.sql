select k.oid, k.conrelid as relation, k.conname as name, k.contype as type,
       case when k.contype = 'c' and $later then k.conbin::text
            when k.contype in ('c', 'x')
                 or k.contype in ('p', 'u') and (i.indnatts <> i.indnkeyatts{{18: or k.conperiod}})
                 or k.contype = 'f' and (k.confrelid = any ($members) or r.relkind not in ('r', 'p'){{15: or k.confdelsetcols is not null}}{{18: or k.conperiod}}
                                         or r.relpersistence = 't' or not r.relnamespace = any ($schemas))
            then pg_get_constraintdef(k.oid) end as definition,
       k.condeferrable as deferrable, k.condeferred as deferred, k.convalidated as validated, k.connoinherit as no_inherit,
       {{18: k.conenforced}}{{-17: true}} as enforced,
       k.conislocal as local, k.coninhcount > 0 as inherited,
       k.conkey as key, k.confrelid as referenced, k.confkey as referenced_key,
       case when k.contype in ('p', 'u', 'x') then k.conindid else 0 end as index,
       case when i.indnatts <> i.indnkeyatts then i.indkey end as index_key,
       -- Of GiST over inet (869) and cidr (650), the class is named also where it is the default.
       case when k.contype = 'x' then (
         select array_agg(case when o.opcintype not in (869, 650) then '' when pg_opclass_is_visible(o.oid) then quote_ident(o.opcname)
                               else quote_ident(n.nspname) || '.' || quote_ident(o.opcname) end order by u.number)
         from unnest(i.indclass::oid[]) with ordinality u (class, number)
         join pg_opclass o on o.oid = u.class join pg_namespace n on n.oid = o.opcnamespace) end as classes,
       ic.reloptions as options, ts.spcname as tablespace,
       coalesce(ic.relkind = 'I' and not i.indisvalid, false) as only,
       case when k.contype = 'x' then pg_get_expr(i.indpred, i.indrelid) end as predicate,
       case when k.contype = 'x' then (
         select array_agg(a.attnum::text || '=' || a.attstattarget::text order by a.attnum) from pg_attribute a
         where a.attrelid = k.conindid and a.attstattarget >= 0) end as statistics,
       i.indisclustered as clustered, {{15: i.indnullsnotdistinct}}{{-14: false}} as nulls_not_distinct,
       case when k.contype = 'f' then k.confrelid::regclass::text end as referenced_name,
       k.confmatchtype as match, k.confupdtype as on_update, k.confdeltype as on_delete
from pg_constraint k
join pg_class c on c.oid = k.conrelid
left join pg_class r on r.oid = k.confrelid
left join pg_index i on i.indexrelid = k.conindid and k.contype in ('p', 'u', 'x')
left join pg_class ic on ic.oid = k.conindid and k.contype in ('p', 'u', 'x')
left join pg_tablespace ts on ts.oid = ic.reltablespace
where c.relnamespace = any ($schemas) and k.contype in ('p', 'u', 'c', 'f', 'x', 'n') and (k.conparentid = 0 or k.contype in ('p', 'u', 'x'))
