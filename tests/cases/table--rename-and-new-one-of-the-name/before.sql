create table a (id serial primary key, q integer);
create table b (id serial primary key, q integer);
insert into a (q) values (1), (2), (3);
insert into b (q) values (1);
