select count(*) = 1 from pg_constraint where conname = 'a_is_positive' and convalidated;
