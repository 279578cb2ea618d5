select not atthasdef from pg_attribute where attrelid = 'heir'::regclass and attname = 'id';
insert into young (note) values ('b') returning id = 9;
insert into left_alone (note) values ('b') returning id = 1;
