select count(*) = 1 from k;
select count(*) = 0 from b;
