select celsius = 20.12 from readings where id = 2;
