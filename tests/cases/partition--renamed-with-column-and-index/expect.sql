select count(w) = 2 from q;
select count(*) = 1 from q1;
select count(*) = 2 from pg_index i join pg_class c on c.oid = i.indexrelid where relname in ('p1_v_idx', 'p2_v_idx') and indisvalid;
