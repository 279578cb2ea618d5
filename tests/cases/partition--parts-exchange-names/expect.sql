select array_agg(c.relname::text order by r.name) = '{t1_x_idx1,t1_x_idx,t1_y_idx}' from rest r join pg_class c using (oid);
