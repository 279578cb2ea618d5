create table t (id integer primary key, a integer, b integer);
create table x (id integer primary key, q integer);
create table y (id integer primary key, q integer);
insert into t values (1, 11, 22);
insert into x values (2, 2), (3, 3);
insert into y values (1, 1);
