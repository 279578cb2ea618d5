select t.oid, t.tgrelid as relation, t.tgname as name, t.tgconstraint <> 0 as "constraint", t.tgenabled as enabled,
       pg_get_triggerdef(t.oid) as definition, nullif(t.tgconstraint, 0) as constraint_oid, t.tgparentid <> 0 as clone
from pg_trigger t join pg_class c on c.oid = t.tgrelid
left join pg_trigger p on p.oid = t.tgparentid
where c.relnamespace = any ($schemas)
  -- The clone on a partition is its parent's business, unless it has a state of its own. (Up to 14, clones count as internal.)
  and case when t.tgparentid = 0 then not t.tgisinternal
           else p.tgenabled <> t.tgenabled and not p.tgisinternal end
