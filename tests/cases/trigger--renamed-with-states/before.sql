create function f() returns trigger language plpgsql as 'begin return new; end';
create table p (a int) partition by range (a);
create table p1 partition of p for values from (0) to (10);
create trigger called before delete on p for each row execute function f();
create trigger moved before insert on p for each row execute function f();
alter table p1 disable trigger called;
alter table p1 enable always trigger moved;
