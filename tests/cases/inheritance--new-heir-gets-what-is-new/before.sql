create table b (id int not null, n text);
create table k (x int) inherits (b);
insert into k values (1, 'a', 2);
create table s (id int not null, n text, y int);
insert into s values (5, 'z', 1);
