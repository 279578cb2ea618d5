select s = 'a' and d::text = 'a' from t;
select convalidated from pg_constraint where conname = 't_s_check';
select count(*) = 0 from pg_type where typname like '%trueup%';
