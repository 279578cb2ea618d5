select count(*) = 1 from people;
select count(*) = 1 from customers;
