create table m (id int not null, d int not null, note text, constraint m_u primary key (d)) partition by range (d);
create table m1 partition of m for values from (0) to (10);
create table m2 partition of m for values from (10) to (20);
insert into m values (1, 1, 'a'), (2, 12, 'b');
create table t (a int not null, constraint t_u unique (a));
insert into t values (1);
