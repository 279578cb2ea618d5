select count(*) = 2 from customers;
select active and email is null from customers;
