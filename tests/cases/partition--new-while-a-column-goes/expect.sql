select count(*) = 2 from pg_inherits where inhparent = 'event'::regclass;
select count(*) = 0 from pg_attribute where attname = 'old' and not attisdropped;
