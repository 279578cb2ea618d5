select count(*) = 2 from item where found;
