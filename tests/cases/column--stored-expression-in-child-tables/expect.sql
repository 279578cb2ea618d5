select g = 9 from p4b;
select g = 3 from p3;
