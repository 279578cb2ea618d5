-- The index can be dropped only while the partitions are detached, and a partition that is attached gets its triggers anew.
create function f() returns trigger language plpgsql as 'begin return new; end';
create table p (a int, b int) partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2) partition by list (b);
create table p21 partition of p2 for values in (1);
create trigger t after insert on p for each row execute function f();
alter table p1 disable trigger t;
alter table p21 enable always trigger t;
alter table p2 add constraint p2_u unique (a, b);
alter table p1 add constraint p1_u unique (a, b);
create unique index p_u on p (a, b);
insert into p values (1, 1), (2, 1);
