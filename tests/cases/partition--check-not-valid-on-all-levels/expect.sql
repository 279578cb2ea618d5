select count(*) = 4 from pg_constraint where conname = 'has_note' and not convalidated;
