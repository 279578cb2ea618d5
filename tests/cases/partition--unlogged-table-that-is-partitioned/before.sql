create unlogged table m (id int, d int) partition by range (d);
create unlogged table m1 partition of m for values from (0) to (10);
create table m2 partition of m for values from (10) to (20);
create table n (id int) partition by range (id);
