create type pair as (a int, b text);
create table cell (a int, b text);
create domain small as int check ((row(value, 'x')::pair).a < 100);
create function a_pair(int) returns pair immutable language sql as 'select row($1, $1::text)::pair';
create table t (
  id int primary key, x int, y text, s small,
  d int default ((row(1, 'x')::pair).a),
  g int generated always as ((row(x, y)::pair).a) stored,
  constraint positive check ((row(x, y)::pair).a > 0),
  constraint read check ((a_pair(x)).a > 0),
  constraint cell_positive check ((row(x, y)::cell).a > 0),
  constraint one exclude using btree (((row(x, y)::pair).a) with =)
);
create index by_pair on t (((row(x, y)::pair).a));
create index by_condition on t (id) where (row(x, y)::pair).a > 5;
create index by_cell on t (((row(x, y)::cell).a));
create index plain on t (x);
create table up (x int, y text, constraint positive check ((row(x, y)::pair).a > 0));
create table down () inherits (up);
create policy p on t using ((row(x, y)::pair).a > 0);
create table part (x int, y text, constraint part_positive check ((row(x, y)::pair).a > 0)) partition by list (x);
create index part_pair on part (((row(x, y)::pair).a));
create table part_1 partition of part for values in (1);
insert into t (id, x, y, s) values (1, 2, 'a', 3), (2, 7, 'b', 4);
insert into down values (1, 'a');
insert into part values (1, 'a');
