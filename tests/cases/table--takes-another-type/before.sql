create type short as (a text);
create type long as (a text, b int);
create table changes of short;
create table comes (a text);
create table goes of short;
insert into changes values ('x');
insert into comes values ('y');
insert into goes values ('z');
