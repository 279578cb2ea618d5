create table t (id int not null, d date not null) partition by range (d);
create table t_25 partition of t for values from ('2025-01-01') to ('2026-01-01');
insert into t values (1, '2025-02-02');
