#!/bin/bash
# PostgreSQL 15.20 refuses extended statistics on an expression that is a row, which 15.18 creates: a dump of 15.18 that holds them is not
# restored whole on 15.20.
. "$(dirname "$0")/postgres.bash"
statistics='create table t (a int, b int); create statistics s on (row(a, b)) from t'
get bookworm postgresql=15.18-0+deb12u1; start
sql "$statistics" "select pg_get_statisticsobjdef(oid) from pg_statistic_ext where stxname = 's'"; says_not ERROR; says 'ON (ROW(a, b)) FROM'
get bookworm postgresql=15.20-0+deb12u1; start
sql "$statistics"; says 'expression has pseudo-type record'
echo "as described"
