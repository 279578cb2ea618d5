select count(*) = 1 from child;
select count(*) = 1 from part;
