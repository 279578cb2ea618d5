select attidentity = 'a' from pg_attribute where attrelid = 'whole'::regclass and attname = 'number';
select attidentity = 'd' from pg_attribute where attrelid = 'base'::regclass and attname = 'number';
