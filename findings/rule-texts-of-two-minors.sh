#!/bin/bash
# Two minor releases of one major print the same rule differently: 15.20 writes AS before the alias of the rule's target, 15.18 does
# not. So the texts of pg_get_ruledef and pg_dump of 15.18 and 15.20 differ where nothing else does.
. "$(dirname "$0")/postgres.bash"
tables='create table t (a int); create rule r as on insert to t do also update t as other set a = new.a where other.a is null'
get bookworm postgresql=15.18-0+deb12u1; start
sql "$tables" "select pg_get_ruledef(oid) from pg_rewrite where rulename = 'r'"
says 'UPDATE t other SET'; old=$(dump)
get bookworm postgresql=15.20-0+deb12u1; start
sql "$tables" "select pg_get_ruledef(oid) from pg_rewrite where rulename = 'r'"
says 'UPDATE t AS other SET'; new=$(dump)
said=$(diff <(echo "$old") <(echo "$new") || true); sed 's/^/    /' <<<"$said"
[ "$(grep -c '^[<>]' <<<"$said")" = 2 ] || { echo "CHANGED: the dumps do not differ in that line alone" >&2; exit 1; }
echo "as described"
