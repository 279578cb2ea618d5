create table base (id bigint not null default 7, note text);
insert into base (note) values ('a');
