create type pair as (a int, b text);
create domain good_pair as pair check ((value).a > 0);
create table t (id int primary key, x good_pair, y good_pair[]);
insert into t values (1, row (1, 'x'), null);
