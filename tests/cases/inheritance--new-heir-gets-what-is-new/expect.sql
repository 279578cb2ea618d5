select count(*) = 2 and bool_and(m = 3) from b;
