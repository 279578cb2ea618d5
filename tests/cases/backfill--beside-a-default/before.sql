create table orders (id int primary key, paid timestamptz);
insert into orders values (1, now()), (2, null);
