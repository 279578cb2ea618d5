create table t (a integer, b text);
alter table t alter b set storage external;
insert into t values (1, 'x');
