create table item (n integer, found boolean, t text, v integer, q integer);
insert into item values (1, null, 'x', 1, 1), (2, true, 'y', 1, 1);
