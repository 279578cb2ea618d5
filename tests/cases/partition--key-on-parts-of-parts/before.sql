create table t (id int, d date) partition by range (d);
create table t_25 partition of t for values from ('2025-01-01') to ('2026-01-01') partition by list (id);
create table t_25_a partition of t_25 for values in (1, 2);
insert into t values (1, '2025-02-02');
