select c.oid as relation, h.inhparent as parent
from pg_class c
join pg_inherits h on h.inhrelid = c.oid
where c.relkind in ('i', 'I') and c.relnamespace = any ($schemas)
