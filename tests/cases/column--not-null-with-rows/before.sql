create table orders (id bigint primary key, note text, total numeric(10,2) not null);
insert into orders values (1, 'first', 10), (2, null, 20), (3, null, 30);
