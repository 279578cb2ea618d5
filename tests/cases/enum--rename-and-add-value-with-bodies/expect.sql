select f(s) = 'a' from t;
