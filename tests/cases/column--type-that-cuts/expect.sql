select a = '{abc}' and d = 'x' and e = 7 from t;
