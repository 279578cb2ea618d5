select pg_get_expr(adbin, adrelid) = '''draft''::text' from pg_attrdef where adrelid = 'invoice'::regclass;
select count(*) = 1 from pg_constraint where conrelid = 'invoice'::regclass and conname = 'document_state_check';
