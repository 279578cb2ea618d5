create type st as enum ('a', 'b', 'c');
create table t (id integer primary key, s st);
insert into t values (1, 'a');
