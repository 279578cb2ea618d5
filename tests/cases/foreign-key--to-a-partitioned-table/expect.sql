select convalidated from pg_constraint where conname = 'payment_account_fkey';
select count(*) = 1 from pg_constraint where contype = 'f' and conrelid = 'payment'::regclass and conparentid = 0;
