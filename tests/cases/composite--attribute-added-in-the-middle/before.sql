-- ADD ATTRIBUTE adds the last one: row(1, 2) would mean something else than the project says.
create type span as (lo int, hi int);
create table t (id int primary key, s span);
insert into t values (1, row(5, 9)::span);
