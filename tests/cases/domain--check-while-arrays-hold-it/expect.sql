select one = 'a' and many = '{b,c}'::word[] and numbers = '{5}'::number[] from t
