select c.oid, c.relnamespace as namespace, c.relname as name, pg_get_viewdef(c.oid) as query,
       nullif(m.amname, 'heap') as access_method, s.spcname as tablespace, c.reloptions as options, o.reloptions as toast_options,
       c.relispopulated as populated, r.oid as rule, t.oid as row_type, nullif(t.typarray, 0) as array_type, t.typacl is not null as type_access,
       c.relowner as owner, c.relacl::text[] as acl
from pg_class c
join pg_rewrite r on r.ev_class = c.oid and r.rulename = '_RETURN'
join pg_type t on t.oid = c.reltype
left join pg_am m on m.oid = c.relam
left join pg_tablespace s on s.oid = c.reltablespace
left join pg_class o on o.oid = c.reltoastrelid
where c.relkind = 'm' and c.relnamespace = any ($schemas)
