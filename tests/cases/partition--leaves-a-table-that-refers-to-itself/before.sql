create table m (id int, d int, up int, primary key (id), foreign key (up) references m (id)) partition by range (id);
create table m1 partition of m for values from (0) to (10);
create table m2 partition of m for values from (10) to (20);
insert into m values (1, 1, 1), (11, 1, 1), (2, 1, 11);
