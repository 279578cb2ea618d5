select * from custmers;
select * from public.order;
create table a (id int primary key, b text, check (c > 0));
create index on a (d);
alter table a drop column e;
alter table a rename column f to g;
alter table a add foreign key (b) references custommers (id);
alter table a add foreign key (b) references customers (ids);
create policy p on a using (owner = current_user);
create policy p on api_keys for select using (customer_id is null);
create trigger t before update of z on a for each row when (new.y is null) execute function f();
alter table a drop column b;
select b from a;
drop table a;
select id from a;
drop table a;
comment on column customers.mail is 'x';
copy customers (id, mail) from stdin;
\.
create table d (at timestamptz default "now");
create function f() returns trigger language plpgsql as $$
begin
  new.statis := 'x';
  select nme into strict new.status from customers where id = new.customer_id;
  return new;
end $$;
create trigger t before insert on orders for each row execute function f();
create function g(who uuid) returns bigint language sql set search_path = '' as $$
  select count(*) from customers where id = who
$$;
create procedure h(inout n int) language plpgsql as $$
declare v customers%rowtype; w orders;
begin
  select * into v from customers where name = v.nme;
  w.totl := n;
  delete from orders where idd = n;
end $$;
create function i(a uuid) returns text language sql return (select email from customers where nam = a);
