#!/bin/bash
# PostgreSQL 15.20 keeps an entry of its own in pg_attribute.attoptions, `pg_attver=NUMBER`: a version of the column's type. Whoever
# reads attoptions as the user's options finds an option that nobody set: ALTER COLUMN … SET takes it and changes nothing, RESET
# leaves it where it is, pg_dump does not print it, and 15.18 refuses it as unknown.
. "$(dirname "$0")/postgres.bash"
get bookworm postgresql=15.20-0+deb12u1; start
sql 'create table t (a int, b text)' "select attname, attoptions from pg_attribute where attrelid = 't'::regclass and attnum > 0"
says 'a|{pg_attver='; first=$said
sql 'alter table t alter a set (pg_attver = 5)' 'alter table t alter b reset (pg_attver)' \
  "select attname, attoptions from pg_attribute where attrelid = 't'::regclass and attnum > 0"
says_not ERROR; [ "$(tr -d '\n' <<<"$said")" = "$(tr -d '\n' <<<"$first")" ] || { echo "CHANGED: SET or RESET has an effect" >&2; exit 1; }
said=$(dump -t t); says_not pg_attver
sql 'alter table t alter a type bigint' "select attoptions from pg_attribute where attrelid = 't'::regclass and attname = 'a'"
says '{pg_attver='; ! grep -qF "$(sed -n 's/^a|//p' <<<"$first")" <<<"$said" || { echo "CHANGED: a new type keeps the number" >&2; exit 1; }
get bookworm postgresql=15.18-0+deb12u1; start
sql 'create table t (a int)' "select coalesce(attoptions::text, 'no options') from pg_attribute where attrelid = 't'::regclass and attnum > 0" \
  'alter table t alter a set (pg_attver = 5)'
says 'no options'; says 'unrecognized parameter "pg_attver"'
echo "as described"
