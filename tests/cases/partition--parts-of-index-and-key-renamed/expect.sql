select count(*) = 2 from rest join pg_class c using (oid) where relname in ('by_id', 'by_kind');
select obj_description('by_kind'::regclass) = 'the part';
