create type state as enum ('a', 'b', 'c');
create table base (id integer, s state);
create table heir (s state) inherits (base);
insert into heir values (1, 'a');
