select t.oid, t.tgrelid as relation, t.tgname as name, t.tgconstraint <> 0 as "constraint", t.tgenabled as enabled,
       pg_get_triggerdef(t.oid) as definition, nullif(t.tgconstraint, 0) as constraint_oid
from pg_trigger t join pg_class c on c.oid = t.tgrelid
where not t.tgisinternal and t.tgparentid = 0 and c.relnamespace = any ($schemas)
