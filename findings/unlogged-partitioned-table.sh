#!/bin/bash
# PostgreSQL 15.20 and 17.12 take CREATE UNLOGGED TABLE … PARTITION BY, record it (relpersistence u), and SET LOGGED is accepted and
# changes nothing. 19 (release candidate 1) refuses such a table.
. "$(dirname "$0")/postgres.bash"
for from in 'bookworm postgresql=15.20-0+deb12u1' 'trixie postgresql=17.12-0+deb13u1'; do
  get $from; start
  sql 'create unlogged table t (a int) partition by list (a)' 'alter table t set logged' "select 'persistence ' || relpersistence::text from pg_class where relname = 't'"
  says_not ERROR; says 'persistence u'
done
get experimental postgresql=19~rc1-1; start
sql 'create unlogged table t (a int) partition by list (a)'; says 'partitioned tables cannot be unlogged'
echo "as described"
