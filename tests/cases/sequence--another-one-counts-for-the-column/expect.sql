select pg_get_serial_sequence('t', 'id') = 'public.a';
select nextval('a') = 2;
