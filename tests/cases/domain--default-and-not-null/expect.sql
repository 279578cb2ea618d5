select typnotnull and typdefault like '%none%' from pg_type where typname = 'email';
select count(*) = 1 from pg_constraint where conname = 'has_at' and convalidated;
