-- What must be true afterwards, claim by claim.
select 'no lead was lost' as claim, count(*) = 100000 as holds from leads_master;
select 'one customer per phone number', count(*) = count(distinct phone) and count(*) = 29750 from customers;
select 'every lead with a phone is linked', count(*) = 90000 from leads_master where customer_id is not null;
select 'leads without a phone stay unlinked', count(*) = 10000 from leads_master where customer_id is null and phone_number_normalized is null;
select 'each lead is linked to the customer of its phone', count(*) = 0
from leads_master l join customers c on c.id = l.customer_id where c.phone <> l.phone_number_normalized;
select 'the foreign key is proved', convalidated from pg_constraint where conname = 'leads_master_customer_id_fkey';
