create table whole (id integer not null, note text) partition by list (id);
