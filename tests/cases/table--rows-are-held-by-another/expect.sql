select (r).a = 10 and (r).filled is null and (rs[1]).b = 'y' from u;
select array_agg(filled) = '{7,7}' from t;
select (price).cents = 500 and (price).since = '2024-05-01' from kept;
