select count(*) = 1 from pg_index where indrelid = 'm1'::regclass;
