select count(*) = 2 and sum(g) = 9 and bool_and(d = 1) from t;
select count(*) = 1 from down;
select count(*) = 3 from pg_constraint where conname = 'positive';
select bool_and(indisvalid) from pg_index where indrelid in ('t'::regclass, 'part'::regclass, 'part_1'::regclass);
