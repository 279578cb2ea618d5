select exists (select from pg_inherits where inhrelid = 'm1_own'::regclass);
select count(*) = 1 from pg_index where indrelid = 'm1'::regclass;
