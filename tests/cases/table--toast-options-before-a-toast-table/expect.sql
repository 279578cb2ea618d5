select k = 'a' from t;
