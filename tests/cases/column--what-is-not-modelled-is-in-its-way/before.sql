create table t (a int, b int);
create table l (a int, b int);
create rule r as on insert to t do also insert into l values (new.a, new.b);
create function f(int) returns int language sql immutable as 'select 1';
create statistics s on f(a), b from l;
insert into t values (1, 2);
