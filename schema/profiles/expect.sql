-- What must be true afterwards, claim by claim.
begin;
select 'every cart, order and session kept its row' as claim,
       (select count(*) from carts) = 200 and (select count(*) from orders) = 300 and (select count(*) from sessions) = 100 as holds;
select 'carts and orders all have a profile',
       (select count(*) from carts where profile_id is null) = 0 and (select count(*) from orders where profile_id is null) = 0;
select 'profile_id is NOT NULL but where customer_id was optional',
       array_agg(attrelid::regclass::text order by attrelid::regclass::text) = array['carts', 'orders']
from pg_attribute where attname = 'profile_id' and attnotnull and attrelid in ('carts'::regclass, 'orders'::regclass, 'sessions'::regclass);
select 'sessions without a customer stay without a profile', count(*) = 25 from sessions where profile_id is null;
-- The order of the amount i was customer i % 40 + 1's, whose number ends in the same.
select 'each order belongs to the profile of the customer that it had', count(*) = 300 and bool_and(
         p.whatsapp_e164 = '+25078' || lpad((o.total::int % 40 + 1)::text, 7, '0'))
from orders o join profiles p on p.user_id = o.profile_id;
select 'each profile has the carts that its customer had', count(*) = 40 and bool_and(n = 5)
from (select profile_id, count(*) as n from carts group by profile_id) per_profile;
select 'sessions of customers have their profile', count(*) = 75 from sessions s join profiles p on p.user_id = s.profile_id;
select 'the mapping covers every customer', count(*) = 40 from legacy_customer_profile;
select 'the old columns are gone', count(*) = 0 from information_schema.columns
where table_schema = 'public' and column_name = 'customer_id' and table_name in ('carts', 'orders', 'sessions');
select 'customers is archived with its rows, under the date',
       to_regclass('public.customers') is null and count(*) = 1
       and bool_and((xpath('/row/n/text()', query_to_xml(format('select count(*) as n from archive.%I', relname), false, true, '')))[1]::text = '40'
                    and relname ~ '^customers_[0-9]{8}$')
from pg_class where relnamespace = (select oid from pg_namespace where nspname = 'archive') and relkind = 'r';
select 'each customer is mapped to the profile of its number', (xpath('/row/n/text()', query_to_xml(format(
         'select count(*) as n from archive.%I c join legacy_customer_profile m on m.customer_id = c.id
          join profiles p on p.user_id = m.profile_id and p.whatsapp_e164 = c.wa_id and p.display_name = c.display_name', relname), false, true, '')))[1]::text = '40'
from pg_class where relnamespace = (select oid from pg_namespace where nspname = 'archive') and relkind = 'r';
select 'profiles that were there are kept, the others are new', count(*) = 40 and count(*) filter (where user_id::text like 'a0000000%') = 15
from profiles;
select 'carts, orders and sessions refer to profiles, proved', count(*) = 3 and bool_and(convalidated)
from pg_constraint where contype = 'f' and confrelid = 'profiles'::regclass and conrelid in ('carts'::regclass, 'orders'::regclass, 'sessions'::regclass);
select 'the new columns have their indexes', count(*) = 3 from pg_indexes
where indexname in ('idx_carts_profile_status', 'idx_orders_profile', 'idx_sessions_profile');
select 'the old index is gone', to_regclass('public.idx_carts_customer_status') is null;
select 'policies ask auth_profile_id()', count(*) = 3 and bool_and(qual like '%auth_profile_id()%') from pg_policies
where schemaname = 'public';
select 'what people write is asked as well', count(*) = 1 and bool_and(with_check like '%auth_profile_id()%')
from pg_policies where schemaname = 'public' and cmd = 'ALL';
select 'no policy asks auth_customer_id()', count(*) = 0 from pg_policies where qual || coalesce(with_check, '') like '%auth_customer_id%';
select 'carts are found by profile and status', pg_get_indexdef('idx_carts_profile_status'::regclass) like '%(profile_id, status)';
select 'the old helper is gone', to_regprocedure('auth_customer_id()') is null;
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-000000000001"}', true) is not null, true;
set local role authenticated;
select 'people see their own carts', count(*) = 5 from carts;
select 'people see their own orders', count(*) > 0 and count(*) < 300 from orders;
do $$
begin
  -- Code that knows no customers writes once the old column is gone.
  if not exists (select from pg_attribute where attrelid = 'public.carts'::regclass and attname = 'customer_id' and not attisdropped) then
    insert into public.carts (profile_id) values ('a0000000-0000-4000-8000-000000000001');
  end if;
end $$;
select 'people fill their own carts', count(*) = 6 from carts;
do $$
begin
  insert into public.carts (profile_id) values ('a0000000-0000-4000-8000-000000000002');
  raise exception 'a cart of somebody else was accepted';
exception when insufficient_privilege then null;
end $$;
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-000000000002"}', true) is not null, true;
select 'people see their own sessions', count(*) = 3 and bool_and(profile_id = 'a0000000-0000-4000-8000-000000000002') from sessions;
reset role;
do $$
begin
  insert into carts (status) values ('open');
  raise exception 'a cart of nobody was accepted';
exception when not_null_violation then null;
end $$;
insert into sessions (started_at) values (now());
select 'a session without a person is accepted', true;
rollback;
