select d = '2024-01-01' and n = 5 from t
