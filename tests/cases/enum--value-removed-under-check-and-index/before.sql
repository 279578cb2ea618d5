create type st as enum ('a', 'b', 'c');
create domain dst as st;
create table t (id int primary key, s st not null default 'a' check (s <> 'b'), d dst);
create index t_part on t (id) where s = 'a';
insert into t values (1, 'a', 'a');
