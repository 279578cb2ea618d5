select t.oid, t.tgrelid as relation, t.tgname as name, t.tgconstraint <> 0 as "constraint", t.tgenabled as enabled,
       pg_get_triggerdef(t.oid) as definition, nullif(t.tgconstraint, 0) as constraint_oid, root.tgrelid as root, root.tgname as root_name
from pg_trigger t join pg_class c on c.oid = t.tgrelid
left join pg_trigger p on p.oid = t.tgparentid
-- The clone on a partition is its parent's business, unless it has a state of its own. (Up to 14, clones count as internal.)
left join lateral (
  with recursive up as (
    select p.tgparentid, p.tgrelid, p.tgname, p.tgisinternal where p.tgenabled <> t.tgenabled
    union all select o.tgparentid, o.tgrelid, o.tgname, o.tgisinternal from up join pg_trigger o on o.oid = up.tgparentid)
  select tgrelid, tgname from up where tgparentid = 0 and not tgisinternal) root on true
where c.relnamespace = any ($schemas)
  and case when t.tgparentid = 0 then not t.tgisinternal else root.tgrelid is not null end
