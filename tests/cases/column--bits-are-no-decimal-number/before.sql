create table t (id int primary key, a bit(8), b int, c int[], d box);
insert into t values (1, B'00000101', 1, '{1,2}', '((2,2),(0,0))');
