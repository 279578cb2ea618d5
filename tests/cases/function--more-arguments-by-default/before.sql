create function k(x int) returns int language sql immutable as 'select x';
create view v as select k(1);
create function l(x int) returns int language sql immutable as 'select x';
create table t (id int default l(1));
insert into t default values;
