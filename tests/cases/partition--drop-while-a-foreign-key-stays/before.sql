create table whole (id integer primary key) partition by list (id);
create table gone partition of whole for values in (1);
create table stays partition of whole for values in (2);
create table w2 (id integer primary key) partition by list (id);
create table p2 partition of w2 for values in (1);
create table refers (id integer references whole, other integer references w2);
insert into whole values (1), (2);
insert into refers values (2);
