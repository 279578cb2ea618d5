select (c).z = 'zz' from t;
