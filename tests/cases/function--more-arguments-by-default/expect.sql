select k(1) = 1;
select pg_get_expr(adbin, adrelid) = 'l(1, 2)' from pg_attrdef where adrelid = 't'::regclass;
