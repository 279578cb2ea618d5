create table p (id int, d int) partition by range (d);
alter table p add constraint k check (id > 0) not valid;
create table p1 (id int, d int);
insert into p1 values (-1, 1);
alter table p1 add constraint k check (id > 0) not valid;
