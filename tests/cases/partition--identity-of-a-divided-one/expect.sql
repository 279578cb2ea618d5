select count(*) = 4 from pg_attribute where attname = 'number' and attidentity = 'a';
