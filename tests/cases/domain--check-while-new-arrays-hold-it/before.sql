create domain word as text check (value <> '');
create domain name as text;
create table t (id integer, one word, names name[]);
insert into t values (1, 'a', '{b,c}');
