create table t (id int not null, a int not null, b int);
insert into t values (1, 1, 5), (2, 2, 6);
create unique index ti on t (a);
create unique index other on t (id);
create index plain on t (b);
alter table t replica identity using index ti;
