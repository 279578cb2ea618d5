select (seqincrement, seqmin, seqmax, seqcache, seqcycle, seqstart) = (2, 1, 1000, 1, false, 2) from pg_sequence where seqrelid = 's'::regclass;
select pg_get_serial_sequence('t', 'n') = 'public.s';
select (seqincrement, seqcache, seqcycle, seqstart) = (7, 1, false, 10) from pg_sequence where seqrelid = 't_m_seq'::regclass;
select count(*) = 1 from t;
