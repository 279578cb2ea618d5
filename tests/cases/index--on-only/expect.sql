select array_agg(c.relname::text order by c.relname::text) = '{begun,deep,deep2,new,stays,stays_key,whole_key}' from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid;
select count(*) = 0 from pg_inherits where inhparent = 'stays'::regclass;
select count(*) = 1 from pg_inherits where inhparent = 'begun'::regclass;
select count(*) = 1 from pg_inherits where inhparent = 'new'::regclass;
