select count(w) = 2 from q;
select count(*) = 1 from q1;
select count(*) = 2 from pg_index i join pg_class c on c.oid = i.indexrelid where relname in ('p1_v_idx', 'p2_v_idx') and indisvalid;
select case when current_setting('server_version_num')::int >= 180000 then (select array_agg(distinct conname::text order by conname::text) = '{q_d_not_null,q_id_not_null}' from pg_constraint where connamespace = 'public'::regnamespace and contype = 'n') else true end;
