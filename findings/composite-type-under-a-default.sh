#!/bin/bash
# PostgreSQL 15.20 refuses ALTER TYPE … ALTER ATTRIBUTE where the default of a function's argument holds a value of the composite
# type; 15.18 changes the type. Scripts that changed such a type have to drop and create the function around it.
. "$(dirname "$0")/postgres.bash"
function="create type pair as (a int, b int); create function f(x pair default row(1, 2)::pair) returns int language sql as 'select 1'"
get bookworm postgresql=15.18-0+deb12u1; start
sql "$function" 'alter type pair alter attribute a type bigint' "select format_type(atttypid, null) from pg_attribute where attrelid = 'pair'::regclass and attname = 'a'"
says_not ERROR; says bigint
get bookworm postgresql=15.20-0+deb12u1; start
sql "$function" 'alter type pair alter attribute a type bigint'; says 'cannot alter type "pair" because function f(pair) uses it'
echo "as described"
