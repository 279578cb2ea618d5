create table whole (id integer not null, note text) partition by list (id);
create table part partition of whole for values in (1);
insert into whole values (1, null);
alter table whole add constraint has_note check (note is not null) not valid;
