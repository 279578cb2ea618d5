create table persons (id bigint generated always as identity primary key, name text unique, age integer check (age > 0));
create table orders (id integer primary key, person bigint references persons (id));
insert into persons (name, age) values ('a', 1), ('b', 2);
insert into orders values (1, 2);
