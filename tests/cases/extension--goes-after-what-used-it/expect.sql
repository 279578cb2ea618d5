select name = 'a' from t
