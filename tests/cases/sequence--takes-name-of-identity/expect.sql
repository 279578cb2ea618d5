select attidentity = '' from pg_attribute where attrelid = 't'::regclass and attname = 'id';
