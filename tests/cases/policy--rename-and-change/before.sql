create table customers (id integer primary key, name varchar(10));
alter table customers enable row level security;
create policy old_p on customers using (name <> 'x');
create view cv as select id, name from customers;
insert into customers values (1, 'a');
