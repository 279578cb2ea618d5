select indisvalid from pg_index where indexrelid = 'orders_key'::regclass;
select count(*) = 2 from pg_inherits where inhparent = 'orders_key'::regclass;
select count(*) = 1 from pg_constraint where conname = 'orders_id_check' and conrelid = 'orders_eu'::regclass;
