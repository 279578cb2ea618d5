select count(w) = 2 and count(m) = 2 from parents;
select count(*) = 3 from pg_constraint where conname = 'p_v_check';
