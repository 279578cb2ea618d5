create table unrelated (id int);
insert into unrelated values (1);
