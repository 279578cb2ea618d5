select c.oid as relation, h.inhparent as parent, pg_get_expr(c.relpartbound, c.oid) as bound,
       h.inhdetachpending as pending, h.inhparent::regclass::text as parent_name
from pg_class c
join pg_inherits h on h.inhrelid = c.oid
where c.relispartition and c.relkind in ('r', 'p') and c.relnamespace = any ($schemas)
