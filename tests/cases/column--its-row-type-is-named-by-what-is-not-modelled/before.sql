-- Some minor releases refuse the change of type, and others leave the expressions wrong.
create table t (a int, b int);
create type c as (x int, y int);
create table l (q int);
create rule r as on insert to l where ((null::t)::text) is null do also select 1;
create statistics s on ((null::t[])::text), q from l;
create statistics s2 on ((null::c)::text), q from l;
