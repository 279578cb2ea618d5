#!/bin/bash
# A check that compares the result of IS DOCUMENT is dumped so that it cannot be restored: PostgreSQL 19 (release candidate 1) prints
# `true = x IS DOCUMENT` for `true = (x IS DOCUMENT)`, and its own parser takes that for `(true = x) IS DOCUMENT`. 15.20 prints the
# parentheses, and so its texts of every IS DOCUMENT differ from those of 15.18 and of 19.
. "$(dirname "$0")/postgres.bash"
table='create table t (x xml, constraint c check (true = (x is document)))'
text="select pg_get_constraintdef(oid) from pg_constraint where conname = 'c'"
again="do \$\$ declare c text; begin select pg_get_constraintdef(oid) into c from pg_constraint where conname = 'c'; execute 'alter table t add constraint d ' || c; raise notice 'restored'; end \$\$"
get experimental postgresql=19~rc1-1; start
sql "$table" "$text"; says '(true = x IS DOCUMENT)'
sql "$again"; says 'ERROR'; says_not restored
get bookworm postgresql=15.20-0+deb12u1; start
sql "$table" "$text"; says '(true = (x IS DOCUMENT))'
sql "$again"; says restored; says_not ERROR
echo "as described"
