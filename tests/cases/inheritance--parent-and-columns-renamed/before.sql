create table p (id integer, v text check (v <> ''), n integer not null default 3);
create table c (extra integer) inherits (p);
create table g () inherits (c);
insert into c values (1, 'a', 4, 5);
insert into g values (1, 'b', 4, 5);
create index c_v_idx on c (v);
