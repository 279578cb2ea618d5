create table t (id integer primary key, a integer);
create function f() returns trigger language plpgsql as 'begin return null; end';
create constraint trigger changes after insert on t deferrable for each row execute function f();
create constraint trigger becomes_plain after insert on t for each row execute function f();
create trigger becomes_constraint after insert on t for each row execute function f();
create trigger wakes_up after delete on t for each row execute function f();
alter table t disable trigger wakes_up;
insert into t values (1, 1);
