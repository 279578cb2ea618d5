select d.defaclrole as role, case when d.defaclnamespace <> 0 then n.nspname end as schema, d.defaclnamespace as namespace,
       d.defaclobjtype as type, d.defaclacl::text[] as acl
from pg_default_acl d
left join pg_namespace n on n.oid = d.defaclnamespace
where d.defaclnamespace = 0 or d.defaclnamespace = any ($schemas)
