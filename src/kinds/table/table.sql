select c.oid, c.relnamespace as namespace, c.relname as name, c.relpersistence as persistence,
       case when c.relam <> 0 and am.amname <> 'heap' then am.amname end as access_method,
       ts.spcname as tablespace,
       case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
       case when c.reloftype <> 0 then c.reloftype::regtype::text end as of_type,
       c.reloptions as options, tc.reloptions as toast_options,
       c.relrowsecurity as rls, c.relforcerowsecurity as forced,
       c.reltype as row_type, t.typarray as array_type, t.typacl is not null as type_access,
       c.relowner as owner, c.relacl as acl
from pg_class c
left join pg_am am on am.oid = c.relam
left join pg_tablespace ts on ts.oid = c.reltablespace
left join pg_class tc on tc.oid = c.reltoastrelid and tc.reloptions is not null
left join pg_type t on t.oid = c.reltype
where c.relkind in ('r', 'p') and c.relnamespace = any ($schemas)
