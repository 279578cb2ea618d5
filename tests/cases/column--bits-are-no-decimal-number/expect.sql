select a = 5 and b = B'00000001' and c[2] = B'0010' and d ~= point(1, 1) from t;
