select indisvalid from pg_index where indrelid = 't'::regclass;
select indisreplident from pg_index where indexrelid = 'ti'::regclass;
select count(*) = 3 from pg_index where indrelid = 't'::regclass;
