-- The order is what row(5, 9)::money_range means. PostgreSQL cannot change it, so it is said.
create type money_range as (lo int, hi int);
create type longer as (a int, b text);
create table offer (id int primary key, r money_range);
insert into offer values (1, row(5, 9)::money_range);
