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
