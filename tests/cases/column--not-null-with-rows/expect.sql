select count(*) = 3 from orders;
select note = case id when 1 then 'first' else 'none' end from orders;
select attnotnull from pg_attribute where attrelid = 'orders'::regclass and attname = 'note';
select count(*) = 0 from pg_constraint where conrelid = 'orders'::regclass and contype = 'c';
