select p.oid, p.pronamespace as namespace, p.proname as name, oidvectortypes(p.proargtypes) as identity, p.prokind as kind,
       pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as returns, l.lanname as language,
       p.provolatile as volatility, p.proisstrict as strict, p.prosecdef as security_definer, p.proleakproof as leakproof,
       p.proparallel as parallel, p.procost as cost, p.prorows as rows, p.proretset as returns_set,
       nullif(p.prosupport::text, '-') as support,
       case when p.protrftypes is not null then array(select format_type(t, null) from unnest(p.protrftypes) t) end as transforms,
       p.proconfig as config, p.prosrc as source, p.probin as library,
       case when p.prosqlbody is not null then pg_get_function_sqlbody(p.oid) end as sql_body,
       p.proowner as owner, p.proacl::text[] as acl
from pg_proc p join pg_language l on l.oid = p.prolang
where p.pronamespace = any ($schemas) and p.prokind in ('f', 'p', 'w')
