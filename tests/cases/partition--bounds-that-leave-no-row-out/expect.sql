select count(*) = 6 from (select from p union all select from l union all select from two) x;
