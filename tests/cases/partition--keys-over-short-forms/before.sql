create table m (id int not null, d int not null, note text) partition by range (d);
create table m1 partition of m for values from (0) to (10);
create table m2 partition of m default;
create table r (id int, d int);
create table k (note text primary key);
