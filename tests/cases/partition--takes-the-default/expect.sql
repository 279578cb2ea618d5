select pg_get_expr(adbin, adrelid) = 'nextval(''ticket''::regclass)' from pg_attrdef where adrelid = 'event_low'::regclass and adnum = 1;
select pg_get_expr(adbin, adrelid) = '''plain''::text' from pg_attrdef where adrelid = 'event_low'::regclass and adnum = 2;
