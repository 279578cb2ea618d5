create table t (k int, x int, y int) partition by list (k);
create table t1 partition of t for values in (1);
create index a on t (x);
create index b on t (x) where y > 0;
create index c on t (y);
create index d on t (y) where x > 0;
create table rest (name text, oid oid);
insert into rest select indexrelid::regclass, indexrelid from pg_index where indrelid = 't1'::regclass;
