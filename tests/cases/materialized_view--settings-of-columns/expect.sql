select bool_and(attstorage = case attname when 'a' then 'p' when 'b' then 'e' else 'x' end) from pg_attribute where attrelid = 'm'::regclass and attnum > 0;
select bool_and((attcompression = 'p') = (attname = 'c')) from pg_attribute where attrelid = 'm'::regclass and attnum > 0;
select attoptions = '{n_distinct_inherited=-0.5}' from pg_attribute where attrelid = 'm'::regclass and attname = 'a';
