select count(*) = 1 from whole;
select count(*) = 1 from refers;
