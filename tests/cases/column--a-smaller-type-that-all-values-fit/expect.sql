select a = '1' and b = 1.25 and c = 7 and j = 1.5 and i = 'abc' from t where id = 1;
