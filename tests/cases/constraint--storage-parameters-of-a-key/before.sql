create table t (id int primary key with (fillfactor = 70), a int, constraint t_a unique (a) with (fillfactor = 80) deferrable);
insert into t values (1, 2);
