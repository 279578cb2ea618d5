select s = 'a' from heir;
select attnotnull from pg_attribute where attrelid = 'heir'::regclass and attname = 's';
