select not attnotnull and attstorage = 'x' from pg_attribute where attrelid = 'c'::regclass and attname = 'b';
select attcompression = 'p' from pg_attribute where attrelid = 'c'::regclass and attname = 'a';
select array_agg(attcompression order by attname) = '{p,""}' from pg_attribute where attrelid = 'c'::regclass and attname in ('d', 'e');
