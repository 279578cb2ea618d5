select attidentity = 'a' from pg_attribute where attrelid = 'heir'::regclass and attname = 'id';
insert into heir (note) values ('b') returning id = 1;
