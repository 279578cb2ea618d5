-- Numbers 6 and 7 were given out and their rows are gone; `beyond` has a row that the sequence never gave a number.
create table same (id serial primary key, v int);
insert into same (v) select 1 from generate_series(1, 7);
delete from same where id > 5;
create table beyond (id serial primary key, v int);
insert into beyond (v) values (1);
insert into beyond values (40, 1);
create sequence own_name;
create table other_name (id bigint primary key default nextval('own_name'), v int);
alter sequence own_name owned by other_name.id;
insert into other_name (v) select 1 from generate_series(1, 3);
delete from other_name;
create table downwards (id int primary key, v int);
create sequence downwards_id_seq as int increment -1 owned by downwards.id;
alter table downwards alter id set default nextval('downwards_id_seq');
insert into downwards (v) select 1 from generate_series(1, 3);
create table unused (id serial primary key, v int);
