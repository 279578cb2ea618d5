create table t (id int primary key, a int, b int);
alter table t enable row level security;
insert into t values (1, 1, null), (2, 2, 5);
