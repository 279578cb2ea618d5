select count(w) = 2 and count(m) = 2 from parents;
select count(*) = 3 from pg_constraint where conname = 'p_v_check';
select case when current_setting('server_version_num')::int >= 180000 then (select array_agg(distinct conname::text) = '{parents_m_not_null}' from pg_constraint where connamespace = 'public'::regnamespace and contype = 'n') else true end;
