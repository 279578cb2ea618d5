create domain code as text default 'x' not null;
create table t (id integer primary key, c code);
insert into t values (1, 'a');
