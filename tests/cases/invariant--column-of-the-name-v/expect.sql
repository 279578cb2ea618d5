select sum(v) = 5 from t;
select attnotnull from pg_attribute where attrelid = 't'::regclass and attname = 'v';
