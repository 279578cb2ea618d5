create extension citext;
create table t (id integer, name citext, other citext);
create index t_name_idx on t (name);
insert into t values (1, 'a', 'b');
