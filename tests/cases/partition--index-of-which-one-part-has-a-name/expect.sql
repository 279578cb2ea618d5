select count(*) = 4 from pg_inherits h join pg_class c on c.oid = h.inhrelid where c.relkind in ('i', 'I');
select exists (select from pg_inherits where inhrelid = 'm1_own'::regclass);
