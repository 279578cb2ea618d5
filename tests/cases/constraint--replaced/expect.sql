select convalidated from pg_constraint where conrelid in ('t'::regclass, 'u'::regclass);
select count(*) = 0 from pg_constraint where conname like '%trueup%';
select count(*) = 0 from pg_class where relname like '%trueup%';
select indisvalid from pg_index where indexrelid = 'k'::regclass;
