create type state as enum ('{[1,3)}', 'b');
create table t (id integer, s int4multirange);
insert into t values (1, '{[1,3)}'), (2, null);
