select s = 'closed' and g() = 'closed' from t;
