select string_agg(attstorage::text, '' order by attnum) = 'me' from pg_attribute where attrelid = 't'::regclass and attnum > 0;
select a = '1' and b = 'x' from t;
