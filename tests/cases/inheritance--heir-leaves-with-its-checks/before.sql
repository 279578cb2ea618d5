create table b (id int not null, n text, constraint b_id_check check (id > 0));
create table k (x int) inherits (b);
insert into k values (1, 'a', 2);
