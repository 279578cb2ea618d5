select not convalidated from pg_constraint where conrelid = 'whole'::regclass and contype = 'c';
