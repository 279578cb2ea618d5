select c.oid as relation, c.relreplident as identity,
       case when c.relreplident = 'i' then (select i.indexrelid from pg_index i where i.indrelid = c.oid and i.indisreplident) end as index
from pg_class c
where c.relkind in ('r', 'p') and c.relreplident <> 'd' and c.relnamespace = any ($schemas)
