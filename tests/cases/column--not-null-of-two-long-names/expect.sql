select attnotnull from pg_attribute where attrelid = 't'::regclass and attnum > 0;
