#!/bin/bash
# A detached partition keeps the NOT NULL constraint's name of its former parent (`t_a_not_null`). PostgreSQL 19 (release candidate 1)
# counts that name as taken in the whole schema, although constraints of two tables may share a name: a new table t gets
# `t_a_not_null1`, and pg_dump writes that name out. Without the detached table, the same statement gives `t_a_not_null`, which pg_dump leaves
# out. So the dumps of two databases that were made by the same CREATE TABLE differ. Up to 17 such constraints have no names.
. "$(dirname "$0")/postgres.bash"
get experimental postgresql=19~rc1-1; start
names="select conrelid::regclass || ' has ' || conname from pg_constraint where contype = 'n' and conrelid::regclass::text in ('t', 'p') order by 1"
sql 'create table t (a int not null) partition by list (a)' 'create table p partition of t for values in (1)' \
  'alter table t detach partition p' 'drop table t' 'create table t (a int not null)' "$names"
says 'p has t_a_not_null'; says 't has t_a_not_null1'
dump -t t | tee "$work/dump"
grep -q 'CONSTRAINT t_a_not_null1 NOT NULL' "$work/dump" || { echo "CHANGED: pg_dump leaves the name out" >&2; exit 1; }
sql 'drop table p' 'drop table t' 'create table t (a int not null)' "$names"; says 't has t_a_not_null'; says_not not_null1
dump -t t | tee "$work/dump"
! grep -q CONSTRAINT "$work/dump" || { echo "CHANGED: pg_dump writes a name" >&2; exit 1; }
echo "as described"
