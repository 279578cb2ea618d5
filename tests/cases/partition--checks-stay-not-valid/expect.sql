select convalidated = (conname = 'd') from pg_constraint where conrelid = 'ev_26'::regclass and contype = 'c';
select not convalidated from pg_constraint where conrelid in ('ev'::regclass, 'ev_25'::regclass) and contype = 'c';
