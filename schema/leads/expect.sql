-- What must be true afterwards, claim by claim.
select 'no lead was lost' as claim, count(*) = 100000 as holds from leads_master;
select 'one customer per phone number', count(*) = count(distinct phone) and count(*) = 29750 from customers;
select 'every lead with a phone is linked', count(*) = 90000 from leads_master where customer_id is not null;
select 'leads without a phone stay unlinked', count(*) = 10000 from leads_master where customer_id is null and phone_number_normalized is null;
select 'each lead is linked to the customer of its phone', count(*) = 0
from leads_master l join customers c on c.id = l.customer_id where c.phone <> l.phone_number_normalized;
select 'the foreign key is proved', convalidated from pg_constraint where conname = 'leads_master_customer_id_fkey';
select 'the customers that were there are the same', count(*) = 500 from customers where id <= 500 and phone = '+91' || (9000000000 + id)::text;
select 'with and without a customer add up to all', count(*) = count(customer_id) + 10000 from leads_master;
select 'several leads to a phone share one customer', max(leads) > 1 and bool_and(phones = 1)
from (select count(*) as leads, count(distinct phone_number_normalized) as phones from leads_master
      where customer_id is not null group by customer_id) per_customer;
select 'leads are found by phone as before', count(*) = 1 from pg_indexes where indexname = 'leads_master_phone_idx';
select 'leads are found by customer', count(*) = 1 from pg_indexes where tablename = 'leads_master' and indexdef like '%(customer_id)';
select 'the customer of a lead is one that exists', confrelid = 'customers'::regclass from pg_constraint where conname = 'leads_master_customer_id_fkey';
select 'code that knows no customers goes on writing', not attnotnull from pg_attribute
where attrelid = 'leads_master'::regclass and attname = 'customer_id';
