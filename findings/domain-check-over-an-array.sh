#!/bin/bash
# Once a column holds a domain in an array, a check of the domain can still be added as NOT VALID, and new values are held to it. VALIDATE
# CONSTRAINT is refused, though, whatever the rows are: the check stays NOT VALID as long as the array is there. Where a column holds the
# domain itself, the same statement validates. The same in 15.20 and 19 (release candidate 1).
. "$(dirname "$0")/postgres.bash"
for from in 'bookworm postgresql=15.20-0+deb12u1' 'experimental postgresql=19~rc1-1'; do
  get $from; start
  state="select conname || ' is valid: ' || convalidated from pg_constraint where contypid >= 16384 order by 1"
  sql 'create domain one as int' 'create table plain (a one)' 'alter domain one add constraint one_ok check (value > 0) not valid' \
    'alter domain one validate constraint one_ok' "$state"
  says 'one_ok is valid: true'
  sql 'create domain each as int' 'create table many (a each[])' 'alter domain each add constraint each_ok check (value > 0) not valid' \
    'alter domain each validate constraint each_ok' "$state"
  says 'cannot alter type "each" because column "many.a" uses it'
  sql "$state"; says 'each_ok is valid: false'
  sql 'insert into many values (array[-1])'
  says 'violates check constraint "each_ok"'
done
echo "as described"
