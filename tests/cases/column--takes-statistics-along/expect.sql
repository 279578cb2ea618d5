select count(*) = 0 from pg_statistic_ext;
select attstattarget = 7 from pg_attribute where attrelid = 't'::regclass and attname = 'c';
