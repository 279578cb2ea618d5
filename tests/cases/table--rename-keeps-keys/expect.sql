select count(*) = 2 and count(full_name) = 2 from people;
select bool_and(conname in ('customers_pkey', 'customers_name_key', 'customers_age_check')) and count(*) = 3 from pg_constraint where conrelid = 'people'::regclass and contype in ('p', 'u', 'c');
select conname = 'orders_customer_fkey' from pg_constraint where conrelid = 'orders'::regclass and contype = 'f';
select nextval(pg_get_serial_sequence('people', 'id')) = 3;
