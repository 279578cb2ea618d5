select c.oid as relation, h.inhparent as parent, pg_get_expr(c.relpartbound, c.oid) as bound
from pg_class c
join pg_inherits h on h.inhrelid = c.oid
where c.relispartition and c.relkind in ('r', 'p') and c.relnamespace = any ($schemas) and not h.inhdetachpending
