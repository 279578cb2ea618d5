select count(*) = 0 from pg_index where not indisvalid;
select count(*) = 9 and bool_and(number = to_regclass(name)) from was;
