create table t (id int, r int4range, a int, b int);
insert into t values (1, '[1,5)', 1, 9), (2, '[2,3)', 20, 30), (3, '[7,8)', 22, 25), (4, null, null, null), (5, null, 30, 31), (6, null, 30, 40);
