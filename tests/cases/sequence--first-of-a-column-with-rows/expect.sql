select nextval(pg_get_serial_sequence('serial', 'id')) = 8;
select nextval(pg_get_serial_sequence('identity', 'id')) = 8;
select nextval(pg_get_serial_sequence('begins_later', 'id')) = 100;
select nextval(pg_get_serial_sequence('empty', 'id')) = 1;
select nextval('shared') = 6;
