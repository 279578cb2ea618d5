select b = 5 and c is null from t;
