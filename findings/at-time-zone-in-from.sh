#!/bin/bash
# PostgreSQL 15.18 prints AT TIME ZONE in FROM without the CAST that the grammar asks for there: the view's own text, and so its
# pg_dump, cannot be read back. 15.20 prints a CAST around it.
. "$(dirname "$0")/postgres.bash"
view="create view v as select * from cast(now() at time zone 'utc' as timestamp) as f(x)"
get bookworm postgresql=15.18-0+deb12u1; start
sql "$view" "select pg_get_viewdef('v')"; says "FROM (now() AT TIME ZONE 'utc'::text) f(x)"
sql "do \$\$ begin execute 'create view w as ' || pg_get_viewdef('v'); end \$\$"; says 'syntax error at or near'
get bookworm postgresql=15.20-0+deb12u1; start
sql "$view" "select pg_get_viewdef('v')"; says "FROM CAST((now() AT TIME ZONE 'utc'::text) AS timestamp without time zone) f(x)"
sql "do \$\$ begin execute 'create view w as ' || pg_get_viewdef('v'); end \$\$"; says_not ERROR
echo "as described"
