create extension citext;
create table e (id int primary key, c citext, d citext default 'x');
insert into e values (1, 'X', 'Y');
create table gone (c citext);
create view v as select c from e;
