create domain word as text;
create domain number as integer;
create table t (id integer, one word, many word[], numbers number[]);
insert into t values (1, 'a', '{b,c}', '{5}');
