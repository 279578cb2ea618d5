create table parent (id bigserial not null, v text);
create table child (id bigserial not null, w int) inherits (parent);
insert into child values (1, 'a', 2);
create table divided (id int not null) partition by range (id);
create table part partition of divided for values from (0) to (10);
insert into part values (3);
create table other (id int not null, v text, check (id > 0));
create table leaves (id int not null) inherits (other);
insert into leaves values (1, 'a');
