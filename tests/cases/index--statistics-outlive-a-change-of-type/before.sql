create table t (a int, b int, c int generated always as (b * 2) stored);
create index i on t (a, (b + 1));
alter index i alter column 2 set statistics 500;
create index whole on t ((a * 2)) where b > 0;
alter index whole alter column 1 set statistics 300;
create index over_c on t (c, (b + 2));
alter index over_c alter column 2 set statistics 200;
insert into t values (1, 2), (3, 4);

create table p (k int, a int) partition by list (k);
create index pi on p (a, (k + 1));
alter index pi alter column 2 set statistics 50;
create table p1 partition of p for values in (1);
alter index p1_a_expr_idx alter column 2 set statistics 60;
