create table p (a int, b text, c text default 'q') partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2);
create table p3 partition of p for values in (3);
alter table p1 alter b set not null;
alter table p2 alter b set statistics 7, alter b set (n_distinct = 4);
insert into p values (1, 'x'), (2, 'y'), (3, 'z');
