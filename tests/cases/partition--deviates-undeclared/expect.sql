select not attnotnull from pg_attribute where attrelid = 'p1'::regclass and attname = 'b';
select coalesce(nullif(attstattarget, -1)::int, -1) = -1 and not exists (select from unnest(attoptions) o where o !~ '^pg_attver=') from pg_attribute where attrelid = 'p2'::regclass and attname = 'b';
select not atthasdef from pg_attribute where attrelid = 'p3'::regclass and attname = 'c';
select atthasdef from pg_attribute where attrelid = 'p1'::regclass and attname = 'c';
select attstorage = 'x' and attcompression = '' from pg_attribute where attrelid = 'p2'::regclass and attname = 'b';
