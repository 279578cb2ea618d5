select array_agg(attstorage::text || coalesce(attstattarget, -1)::text order by attrelid::regclass::text) = '{e51,x52,m53}' from pg_attribute where attname = 'body' and attrelid in ('base'::regclass, 'heir'::regclass, 'young'::regclass);
select id = 1 and body = 'a' and note = 'b' from heir;
select case when current_setting('server_version_num')::int >= 180000 then (select bool_and(conislocal) from pg_constraint where connamespace = 'public'::regnamespace and contype = 'n' and conrelid = 'heir'::regclass) else true end;
