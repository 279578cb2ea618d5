select nextval(pg_get_serial_sequence('same', 'id')) = 8;
select nextval(pg_get_serial_sequence('beyond', 'id')) = 41;
select nextval(pg_get_serial_sequence('other_name', 'id')) = 4;
select nextval(pg_get_serial_sequence('downwards', 'id')) = -4;
select nextval(pg_get_serial_sequence('unused', 'id')) = 1;
select count(*) = 0 from pg_class where relname like '%trueup%';
