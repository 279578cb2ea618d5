select count(*) = 2 from readings;
select id = 2 from readings_top;
select obj_description('readings_high'::regclass) = 'Above the limit';
select atttypid = 'bigint'::regtype from pg_attribute where attrelid = 'readings_high'::regclass and attname = 'value';
