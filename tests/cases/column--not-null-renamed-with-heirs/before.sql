create table t (k int constraint x not null, a int) partition by list (k);
create table t1 partition of t for values in (1);
create table b (k int constraint x not null);
create table h () inherits (b);
