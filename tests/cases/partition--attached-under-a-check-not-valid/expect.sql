select count(*) = 3 from pg_constraint where conname = 'has_note' and not convalidated;
