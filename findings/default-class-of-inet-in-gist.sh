#!/bin/bash
# With btree_gist, CREATE INDEX … USING gist (inet column) takes the class gist_inet_ops in PostgreSQL 17 and inet_ops in 19 (release
# candidate 1), and neither prints a default class: the same text of an index means another index. (gist_inet_ops serves <, = and >;
# inet_ops the containment operators << and &&.)
. "$(dirname "$0")/postgres.bash"
index='create extension btree_gist; create table g (a inet); create index i on g using gist (a)'
class="select opcname from pg_index x join pg_opclass o on o.oid = x.indclass[0] where indexrelid = 'i'::regclass"
get trixie postgresql=17.12-0+deb13u1; start
sql "$index" "$class" "select pg_get_indexdef('i'::regclass)"; says gist_inet_ops; says 'USING gist (a)'
get experimental postgresql=19~rc1-1; start
sql "$index" "$class" "select pg_get_indexdef('i'::regclass)"; says inet_ops; says_not gist_inet_ops; says 'USING gist (a)'
echo "as described"
