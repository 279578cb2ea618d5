create type mood as enum ('good', 'bad', 'gone');
create table t (id int, a int, m mood);
create table heir () inherits (t);
create domain checked as t check ((value).a > 0);
create type pair as (x heir, n int);
create table u (id int, r pair, d checked[]);
insert into t values (1, 10, 'good');
insert into u values (1, null, array[row(1, 10, 'good')::t]);
