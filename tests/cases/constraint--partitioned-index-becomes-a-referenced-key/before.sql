create table m (id int, d int) partition by range (d);
create table m1 partition of m for values from (0) to (10);
create table m2 partition of m for values from (10) to (20);
create unique index mu on m (d, id);
create table c (d int, id int, constraint cf foreign key (d, id) references m (d, id));
insert into m values (1, 1), (11, 3);
insert into c values (1, 1);
