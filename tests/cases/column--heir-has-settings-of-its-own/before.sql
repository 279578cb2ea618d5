create table base (id integer, body text);
create table heir (id integer, note text) inherits (base);
insert into heir values (1, 'a', 'b');
