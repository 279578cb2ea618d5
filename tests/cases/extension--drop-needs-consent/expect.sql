select count(*) = 0 from pg_extension where extname = 'hstore';
