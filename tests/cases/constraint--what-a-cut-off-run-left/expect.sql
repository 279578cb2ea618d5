select count(*) = 0 from pg_class where relname ~ '__trueup';
select count(*) = 0 from pg_constraint where conname ~ 'trueup';
