select nextval('used') = 4;
select nextval('down') = -5;
select nextval('far') = 1;
select nextval('small') = 1;
select nextval(pg_get_serial_sequence('item', 'id')) = 5;
