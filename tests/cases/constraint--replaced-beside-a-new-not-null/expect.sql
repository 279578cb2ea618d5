select id = 1 and amount = 2 from item;
