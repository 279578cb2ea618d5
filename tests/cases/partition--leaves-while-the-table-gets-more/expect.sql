select count(*) = 3 from pg_attribute where attrelid = 'ev_25'::regclass and attnum > 0 and not attisdropped;
select bool_and(indisvalid) from pg_index;
select count(*) = 0 from pg_constraint where conrelid = 'ev_25'::regclass and contype <> 'n';
