select count(*) = 1 from whole
