select not convalidated from pg_constraint where conrelid = 'p1'::regclass and conname = 'k';
