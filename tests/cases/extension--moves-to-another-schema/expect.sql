select count(*) = 2 from pg_extension where extnamespace = 'ext'::regnamespace;
select added = 1 and name operator(ext.=) 'hello'::ext.citext and names[1] operator(ext.=) 'a'::ext.citext from t;
select (p).a operator(ext.=) 'a'::ext.citext and low operator(ext.=) 'LOW'::ext.citext from u;
select f('a') is not null and g() = 0;
select count(*) = 5 from was_built where file = (select relfilenode from pg_class c where c.relname = name);
