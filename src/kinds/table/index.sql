select i.indexrelid as oid, c.relnamespace as namespace, c.relname as name, i.indrelid as relation, am.amname as method,
       i.indisunique as "unique",
       {{15: i.indnullsnotdistinct}}{{-14: false}} as nulls_not_distinct,
       i.indnkeyatts as key_count, i.indkey as key, i.indoption as flags,
       i.indisvalid or c.relkind = 'I' as valid, c.relkind = 'I' and not i.indisvalid as only, i.indisclustered as clustered,
       pg_get_expr(i.indpred, i.indrelid) as predicate,
       case when 0 = any (i.indkey) or c.reloptions is not null or c.reltablespace <> 0
                 or i.indclass::oid[] && array(select o.oid from pg_opclass o where not o.opcdefault or o.opcnamespace <> 11)
                 or not i.indcollation::oid[] <@ '{0,100}'::oid[]
                 or exists (select from pg_attribute a where a.attrelid = i.indexrelid and (a.attoptions is not null))
            then pg_get_indexdef(i.indexrelid) end as definition,
       -- Of GiST over inet (869) and cidr (650), the class is named also where it is the default.
       case when am.amname = 'gist' then (
         select array_agg(case when o.opcintype not in (869, 650) then '' when pg_opclass_is_visible(o.oid) then quote_ident(o.opcname)
                               else quote_ident(n.nspname) || '.' || quote_ident(o.opcname) end order by k.number)
         from unnest(i.indclass::oid[]) with ordinality k (class, number)
         join pg_opclass o on o.oid = k.class join pg_namespace n on n.oid = o.opcnamespace) end as classes,
       c.reloptions as options, ts.spcname as tablespace,
       case when 0 = any (i.indkey) then (
         select array_agg(a.attnum::text || '=' || a.attstattarget::text order by a.attnum) from pg_attribute a
         where a.attrelid = i.indexrelid and a.attstattarget >= 0) end as statistics
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_class t on t.oid = i.indrelid
join pg_am am on am.oid = c.relam
left join pg_tablespace ts on ts.oid = c.reltablespace
where c.relnamespace = any ($schemas) and t.relkind in ('r', 'p', 'm')
  and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
