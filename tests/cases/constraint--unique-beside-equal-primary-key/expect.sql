select count(*) = 3 from pg_constraint where conrelid = 't'::regclass and contype in ('p', 'u');
