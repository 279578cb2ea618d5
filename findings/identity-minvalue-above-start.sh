#!/bin/bash
# Raising the MINVALUE of an identity column, or of a sequence, above its START is refused, although the column has counted beyond it:
# START and the value to go on from have to be changed in the same statement. The same in 15.20, 17.12 and 19 (release candidate 1).
. "$(dirname "$0")/postgres.bash"
for from in 'bookworm postgresql=15.20-0+deb12u1' 'trixie postgresql=17.12-0+deb13u1' 'experimental postgresql=19~rc1-1'; do
  get $from; start
  sql 'create table t (a int generated always as identity, b int); select setval(pg_get_serial_sequence($$t$$, $$a$$), 500)' 'alter table t alter a set minvalue 100'
  says 'START value (1) cannot be less than MINVALUE (100)'
  sql 'alter table t alter a set minvalue 100 set start 100' 'insert into t (b) values (1) returning a'; says_not ERROR; says 501
  sql 'create sequence s' 'alter sequence s minvalue 100 start 100'; says 'RESTART value (1) cannot be less than MINVALUE (100)'
  sql 'alter sequence s minvalue 100 start 100 restart'; says_not ERROR
done
echo "as described"
