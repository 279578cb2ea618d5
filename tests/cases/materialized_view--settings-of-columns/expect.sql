select bool_and(attstorage = case attname when 'a' then 'p' when 'b' then 'e' else 'x' end) from pg_attribute where attrelid = 'm'::regclass and attnum > 0;
select bool_and((attcompression = 'p') = (attname = 'c')) from pg_attribute where attrelid = 'm'::regclass and attnum > 0;
select array(select o from unnest(attoptions) o where o !~ '^pg_attver=') = '{n_distinct_inherited=-0.5}' from pg_attribute where attrelid = 'm'::regclass and attname = 'a';
