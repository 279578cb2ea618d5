select status = 'a' and n = 1 from w;
