with recursive t(n, label) as (
  select 1, 'x' union all select n + 1, label from t where n < 5
) search depth first by n set ord cycle n set looped using way
select t.n, t.label, ord, looped, way from t order by ord;

with a as (select id, name from customers), b as (select a.id, (with c as (select a.name) select c.name from c) as inner_name from a)
select b.inner_name from b;

with moved as (delete from orders where status = 'void' returning id, customer_id as who)
insert into order_items (order_id, line) select moved.id, 1 from moved returning order_id;

with renamed (x, y) as (values (1, 2)) select x, renamed.y from renamed;
select column1, v.column2 from (values (1, 'a')) v;
select v.a, b from (values (1, 2)) as v (a, b);

select c.id, o.id from customers c join lateral (select o.id from orders o where o.customer_id = c.id limit 1) o on true;
select c.name from customers c where exists (select from orders where customer_id = c.id and status = 'open');
select customer_id, id from api_clients join api_keys k using (id) natural join orders;
select j.label from (api_clients join api_keys using (id)) as j;
select x.id from api_clients join api_keys using (id) as x;
select customers, c2.*, (c2).name, (c2.address).city, (address).street from customers, customers c2 where customers is not null;
select ctid, xmin, orders.tableoid::regclass, orders.ctid from orders;
select c.count, c.full_label from api_clients c;
select status as s, count(*) n from orders group by s having count(*) > 1 order by n desc, s;
select date_trunc('day', placed_at) from orders group by 1 order by date_trunc;
select distinct on (who) customer_id as who, total from orders order by who, placed_at;
select id from customers union select id from api_keys order by id;
select sum(total) over w, rank() over (partition by status order by total) from orders window w as (order by placed_at);
select case when status = 'open' then total else 0 end, coalesce(total, 0) from orders;
select s."case", s.coalesce, s.now, s.array, s.exists from (select case when true then 1 end, coalesce(1), now(), array[1], exists (select 1)) s;
select g, g.g from generate_series(1, 3) g;
select u.a, u.b, ordinality from unnest(array[1], array[2]) with ordinality as u (a, b);
select r.a from json_to_record('{}') as r (a int, b text);
select o.total, f.id from orders_of('00000000-0000-0000-0000-000000000000') f join latest_orders() o on o.id = f.id;
select x.anything from some_extension_function() x;
select e.key, value from jsonb_each('{}') e;
select relname, c.oid from pg_class c join information_schema.columns i on i.table_name = c.relname where i.column_name = 'a';
select orders, name, sum from customer_orders where customer_id is not null;
select orders_1.total from orders_1;

insert into customers as c (id, name, email) values (default, 'a', 'b')
on conflict (id) where id is not null do update set name = excluded.name, email = c.email where c.name <> excluded.name
returning c.id, customers_id_not_checked(c.name), old.name, new.email;
update orders o set (status, total) = (select c.name, i.quantity), placed_at = now()
from customers c join order_items i on true where c.id = o.customer_id returning o.id, c.name, i.line;
delete from orders using customers where customers.id = orders.customer_id returning orders.*, customers.name;
merge into customers t using (select id, label from api_clients) s on t.id = s.id
when matched and s.label is null then delete
when matched then update set name = s.label
when not matched then insert (id, name) values (s.id, s.label);
select last_value from orders_id_seq;
