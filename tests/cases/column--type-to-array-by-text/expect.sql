select s[1] = '{[1,3)}' from t where id = 1
