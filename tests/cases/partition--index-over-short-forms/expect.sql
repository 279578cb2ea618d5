select count(*) = 4 and bool_and(i.indisvalid) from pg_index i join pg_inherits h on h.inhrelid = i.indexrelid;
