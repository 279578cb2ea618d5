create table t (id integer generated always as identity, note text);
insert into t (note) values ('a');
