select indisvalid from pg_index where indrelid = 'events'::regclass;
select pg_get_indexdef('events_kind_idx'::regclass) like '%at DESC%';
select count(*) = 3 from pg_index where indrelid = 'events'::regclass;
