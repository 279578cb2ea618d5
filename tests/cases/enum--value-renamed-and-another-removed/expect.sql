select s = 'x' from t;
