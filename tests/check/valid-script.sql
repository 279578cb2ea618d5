begin;
create schema stats;
set search_path = stats, public;
create table daily (day date primary key, orders bigint, check (orders >= 0), total numeric generated always as (orders * 2) stored);
insert into daily (day, orders) select placed_at::date, count(*) from orders group by 1;
alter table daily add column note text, add constraint noted check (note <> '');
alter table daily rename column note to remark;
alter table daily drop column if exists missing, drop column orders cascade;
select remark from stats.daily;
create temp table scratch as select id, name as label from customers;
update scratch set label = upper(label);
drop table scratch;
create table scratch (like customers including all, extra int);
select extra, email from scratch;
create view v (a, b) as select day, remark from daily;
select a, v.b from v;
alter view v rename to w;
create materialized view m as select a from w;
create index on m (a);
select * into copied from daily;
select day from copied;
create type pair as (x int, y int);
create function pairs() returns setof pair language sql as $$ select 1, 2 $$;
select p.x, p.y from pairs() p;
create table parent (id int) partition by list (id);
create table child partition of parent for values in (1);
alter table parent add column later text;
select later from child;
create policy own on daily using (remark = current_user) with check (exists (select from customers where name = remark));
create trigger t before update of remark on daily for each row when (old.remark is distinct from new.remark) execute function suppress_redundant_updates_trigger();
create rule r as on insert to w do instead insert into daily (day) values (new.a);
copy daily (day, remark) from stdin;
2020-01-01	x
\.
comment on column daily.remark is 'x';
do $$
declare r record; n int;
begin
  if n is null then alter table customers add column nick text; end if;
  for r in select id, nick from customers loop
    n := r.id;
    update customers set nick = r.nick where id = r.id and found;
  end loop;
end $$;
select nick from customers;
create function later() returns int language plpgsql as $$
begin
  create temp table made_here (a int);
  insert into made_here (a) values (1);
  return (select count(b) from comes_later) + (select a from made_here);
end $$;
create table comes_later (b int);
drop table if exists never_there;
commit;
