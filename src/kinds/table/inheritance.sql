select h.inhrelid as relation, h.inhparent as parent, h.inhseqno as position, h.inhparent::regclass::text as parent_name
from pg_inherits h
join pg_class c on c.oid = h.inhrelid
where not c.relispartition and c.relkind in ('r', 'p') and c.relnamespace = any ($schemas)
