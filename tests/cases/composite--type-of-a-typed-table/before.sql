create type address as (street text, zip int);
create table home of address (street with options not null);
create table office of address (primary key (street));
insert into home values ('a', 1);
insert into office values ('b', 2);
