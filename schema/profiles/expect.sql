-- What must be true afterwards, claim by claim.
begin;
select 'every cart, order and session kept its row' as claim,
       (select count(*) from carts) = 200 and (select count(*) from orders) = 300 and (select count(*) from sessions) = 100 as holds;
select 'carts and orders all have a profile',
       (select count(*) from carts where profile_id is null) = 0 and (select count(*) from orders where profile_id is null) = 0;
select 'profile_id is NOT NULL but where customer_id was optional',
       array_agg(attrelid::regclass::text order by 1) = array['carts', 'orders']
from pg_attribute where attname = 'profile_id' and attnotnull and attrelid in ('carts'::regclass, 'orders'::regclass, 'sessions'::regclass);
select 'sessions without a customer stay without a profile', count(*) = 25 from sessions where profile_id is null;
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
select 'the old helper is gone', to_regprocedure('auth_customer_id()') is null;
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-000000000001"}', true) is not null, true;
set local role authenticated;
select 'people see their own carts', count(*) = 5 from carts;
select 'people see their own orders', count(*) > 0 and count(*) < 300 from orders;
reset role;
rollback;
