create table t (id integer primary key, a text, b text) with (fillfactor = 70);
alter table t alter column a set storage external, alter column a set statistics 7, alter column a set (n_distinct = 5);
alter table t enable row level security;
create index t_a_idx on t (a) with (fillfactor = 60);
create unlogged table u (id integer primary key);
insert into t values (1, 'x', 'y');
