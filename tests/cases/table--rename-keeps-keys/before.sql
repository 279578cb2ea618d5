create table customers (id serial primary key, name text unique, age integer check (age > 0));
create table orders (id integer primary key, customer integer references customers (id));
create view counts as select c.id, c.name, count(*) from customers c join orders o on o.customer = c.id group by c.id;
insert into customers (name, age) values ('a', 1), ('b', 2);
insert into orders values (1, 1);
