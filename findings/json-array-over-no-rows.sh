#!/bin/bash
# json_array(SELECT …) over no rows is NULL in PostgreSQL 17 and [] in 19 (release candidate 1). 17 stores it as JSON_ARRAYAGG and
# prints that; 19 prints JSON_ARRAY. So a view that was dumped from 17 keeps returning NULL on 19, and the statement it was made with
# returns [] there.
. "$(dirname "$0")/postgres.bash"
view='create table e (a int); create view v as select json_array(select a from e) as x'
value="select coalesce(x::text, 'NULL') from v"
get trixie postgresql=17.12-0+deb13u1; start
sql "$view" "$value" "select pg_get_viewdef('v')"; says NULL; says JSON_ARRAYAGG
text=$(psql -Atq -c "select pg_get_viewdef('v')")
get experimental postgresql=19~rc1-1; start
sql "$view" "$value" "select pg_get_viewdef('v')"; says '[]'; says 'JSON_ARRAY('
sql "create view old as $text" "select coalesce(x::text, 'NULL') from old"; says NULL
echo "as described"
