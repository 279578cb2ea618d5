create table base (id integer not null, note text);
create table heir (id integer, note text);
insert into heir values (1, 'a');
