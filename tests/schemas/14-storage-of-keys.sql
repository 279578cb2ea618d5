create extension btree_gist;
create table t (id int primary key with (fillfactor=70), a int unique with (fillfactor = 60, deduplicate_items=off) deferrable initially deferred, b int, c int, r int4range,
 constraint b_c unique (b, c) include (r) with (fillfactor=80),
 constraint ex exclude using gist (r with &&, b with =) with (fillfactor=50, buffering=off) where (a > 0 and c is not null) deferrable,
 constraint ex2 exclude using gist (r with =, (b + 1) with =));
create table p (a int, b int, primary key (a) with (fillfactor=50), unique (a, b)) partition by range (a);
create table p1 partition of p for values from (0) to (5);
create table p2 partition of p for values from (5) to (9);
alter index p1_pkey set (fillfactor = 33);
create index p_b on p (b) with (fillfactor = 40);
create materialized view mv as select 1 as a;
create unique index mvi on mv (a) with (fillfactor=30);
