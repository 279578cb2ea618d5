create table m (id int not null, d int not null, note text) partition by range (d);
create table m1 partition of m for values from (0) to (10);
create table m2 partition of m for values from (10) to (20) partition by list (id);
create table m21 partition of m2 for values in (1, 2);
create table m3 partition of m default;
insert into m values (1, 1, 'a'), (2, 12, 'b'), (3, 33, 'c');
