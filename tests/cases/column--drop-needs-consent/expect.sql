select count(*) = 1 from people;
select count(*) = 0 from pg_attribute where attrelid = 'people'::regclass and attname = 'fax';
