select array_agg(conname::text order by conrelid::regclass::text) = '{y,y,y,y}' from pg_constraint where contype = 'n' and conrelid::regclass::text in ('b', 'h', 't', 't1');
