create extension btree_gist;
create table t (
  id int primary key with (fillfactor = 70),
  a int unique deferrable,
  b int, r int4range,
  constraint b_r unique (b) include (r) with (fillfactor = 80, deduplicate_items = off),
  constraint no_overlap exclude using gist (r with &&, (b + 1) with =) with (fillfactor = 50, buffering = off) where (a > 0 and b is not null) deferrable
);
create table refers (id int references t on delete cascade);
create table p (a int primary key with (fillfactor = 50), b int) partition by range (a);
create table p1 partition of p for values from (0) to (10);
insert into t values (1, 1, 1, '[1,2)');
insert into refers values (1);
insert into p values (1, 1);
