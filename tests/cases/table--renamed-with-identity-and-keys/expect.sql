select count(*) = 2 from people;
select count(*) = 0 from persons;
select nextval(pg_get_serial_sequence('people', 'id')) = 3 and nextval(pg_get_serial_sequence('persons', 'id')) = 1;
