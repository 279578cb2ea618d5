create table whole (id integer not null, note text) partition by list (id);
create table part partition of whole for values in (1);
create table base (id integer);
create table heir () inherits (base);
