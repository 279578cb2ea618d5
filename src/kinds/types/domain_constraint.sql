select k.oid, k.contypid as domain, k.conname as name, pg_get_expr(k.conbin, 0) as "check", k.convalidated as validated
from pg_constraint k
join pg_type t on t.oid = k.contypid
where k.contype = 'c' and t.typnamespace = any ($schemas)
