-- While a column holds such values, PostgreSQL lets no attribute change its type: another one takes its place, as the last.
create type span as (lo int, hi int);
create table t (id int primary key, s span);
insert into t values (1, row(5, 9)::span);
