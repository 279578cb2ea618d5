create table whole (id integer not null, note text) partition by range (id);
create table first partition of whole for values from (0) to (10);
create view everything as select id from whole;
insert into whole values (1, 'a');
