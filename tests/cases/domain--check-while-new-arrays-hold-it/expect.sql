select one = 'a' and names = '{b,c}'::name[] and many is null from t
