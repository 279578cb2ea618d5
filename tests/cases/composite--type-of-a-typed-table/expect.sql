select count(*) = 2 from pg_class where reloftype = 'address'::regtype;
select zip = 1 and city is null from home;
