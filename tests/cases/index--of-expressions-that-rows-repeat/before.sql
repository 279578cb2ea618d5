create table t (a text, b int, c int);
insert into t values ('A', 1, 1), ('a', 2, 1), ('b', null, null), (null, null, null);
