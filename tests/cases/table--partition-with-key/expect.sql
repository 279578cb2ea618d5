select count(*) = 1 from events;
select string_agg(relid::text, ',' order by relid::text) = 'events_2024_pkey,events_pkey,key_of_2025' from pg_partition_tree('events_pkey');
select string_agg(relid::text, ',' order by relid::text) = 'at_of_2025,events_2024_at_idx,events_at_idx' from pg_partition_tree('events_at_idx');
