create type comp as (y int, z text);
create table t (id int primary key, c comp);
insert into t values (1, row(5, 'zz'));
