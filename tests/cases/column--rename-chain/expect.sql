select b = 11 and c = 22 and a is null from t;
select count(*) = 2 from y;
select count(*) = 1 from z;
