create table p (id int, d int, e text) partition by range (d);
create table p1 partition of p for values from (0) to (9) partition by list (id);
create table p11 partition of p1 for values in (1);
create index i on p (e);
insert into p values (1, 1, 'x');
