select id = 1 and n = 2 from item;
