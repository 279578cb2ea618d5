create table customers (id integer primary key);
insert into customers values (1);
create view people as select id from customers;
create view more as select * from people;
