select count(*) = 1 from base;
