select string_agg(state, ',' order by id) = 'done,open' from orders;
select column_default = '''new''::text' from information_schema.columns where table_name = 'orders' and column_name = 'state';
