select length(a) = 16 from t;
