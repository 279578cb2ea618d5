select gross = 3 from price;
select g = 6 from p4a;
select g = 33 from p3b;
