#!/bin/bash
# ALTER TABLE … ALTER COLUMN … TYPE forgets the statistics targets of the indexes over the column, though nothing is said of them: each
# index is built anew, and only its definition, comment, replica identity and CLUSTER mark are carried over. The same in 15.20, 17.12 and
# 19 (release candidate 1). The column's own target stays.
. "$(dirname "$0")/postgres.bash"
for from in 'bookworm postgresql=15.20-0+deb12u1' 'trixie postgresql=17.12-0+deb13u1' 'experimental postgresql=19~rc1-1'; do
  get $from; start
  targets="select attrelid::regclass || '.' || attnum || ' has ' || coalesce(attstattarget, -1) from pg_attribute where attrelid in ('t'::regclass, 'i'::regclass) and attnum > 0 order by 1"
  sql 'create table t (a int, b int)' 'alter table t alter a set statistics 40' 'create index i on t (a, (b + 1))' \
    'alter index i alter column 2 set statistics 50' 'comment on index i is $$kept$$' "$targets"
  says 'i.2 has 50'; says 't.1 has 40'
  sql 'alter table t alter a type bigint' "$targets" "select obj_description('i'::regclass)"
  says 'i.2 has -1'; says 't.1 has 40'; says kept
done
echo "as described"
