-- What must be true afterwards, claim by claim.
select 'the four columns are there' as claim,
       array_agg(column_name::text order by ordinal_position) =
         array['credit_balance', 'total_credits_purchased', 'total_credits_used', 'last_purchase_at'] as holds
from information_schema.columns
where table_name = 'customer_stats' and column_name in ('credit_balance', 'total_credits_purchased', 'total_credits_used', 'last_purchase_at');
select 'the figures are right', user_count = 2 and search_count = 3 and credit_balance = 70 and total_credits_purchased = 100 and total_credits_used = 30
from customer_stats where name = 'Acme';
select 'a customer without credits has none', credit_balance = 0 and last_purchase_at is null from customer_stats where name = 'Bolt';
select 'the option survived', reloptions = array['security_invoker=true'] from pg_class where oid = 'customer_stats'::regclass;
select 'the grant survived', has_table_privilege('reporting', 'customer_stats', 'select');
select 'the comment survived', obj_description('customer_stats'::regclass) = 'One row per customer';
select 'the dependent view works', array_agg(name) = array['Acme'] from busy_customers;
select 'the dependent view asks the same as before', pg_get_viewdef('busy_customers'::regclass) ~ 'search_count > 1';
select 'the view shows what it showed, in the same places', array_agg(attname::text order by attnum) =
         array['id', 'name', 'user_count', 'search_count', 'credit_balance', 'total_credits_purchased', 'total_credits_used', 'last_purchase_at']
from pg_attribute where attrelid = 'customer_stats'::regclass and attnum > 0;
select 'the write-up''s own test of the view works', count(*) = 2
from (select id, name, credit_balance, total_credits_purchased from customer_stats limit 5) tried;
select 'nobody else may read it', not has_table_privilege('public', 'customer_stats', 'select')
  and not has_table_privilege('reporting', 'customer_stats', 'insert');
select 'api_keys has no customer_id', count(*) = 0 from pg_attribute
where attrelid = 'api_keys'::regclass and attname = 'customer_id';
select 'api_keys has the columns of the write-up', array_agg(attname::text order by attname) =
         array['api_client_id', 'created_at', 'expires_at', 'id', 'is_active', 'key_hash', 'key_prefix', 'last_used_at', 'name',
               'rate_limit', 'scopes', 'updated_at']
from pg_attribute where attrelid = 'api_keys'::regclass and attnum > 0 and not attisdropped;
select 'api_keys reaches customers through api_clients',
       array_agg(format('%s -> %s', conrelid::regclass, confrelid::regclass) order by conrelid::regclass::text, confrelid::regclass::text) =
         array['api_clients -> customers', 'api_keys -> api_clients'] and bool_and(convalidated)
from pg_constraint where contype = 'f' and conrelid in ('api_keys'::regclass, 'api_clients'::regclass);
select 'the join of the write-up counts the keys of a customer', api_key_count = 2
from customers c left join (
  select ac.customer_id, count(ak.id) as api_key_count
  from api_clients ac left join api_keys ak on ac.id = ak.api_client_id and ak.is_active = true
  group by ac.customer_id
) api_key_stats on c.id = api_key_stats.customer_id
where c.name = 'Acme';
