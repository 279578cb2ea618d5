create table t (id int primary key, a text, b numeric(10,3));
insert into t values (1, 'short', 1.5), (2, 'longer than that', 1.255), (3, 'as long as that', 2.125);
