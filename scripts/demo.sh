#!/usr/bin/env bash
# Shows one example project on a throw-away PostgreSQL: the database as it was found, what differs, the way there, the proof.
#
#   scripts/demo.sh [PROJECT]     a folder of schema/; default romashka
#
# The server listens on a unix socket in a temporary folder and is gone afterwards, also after ctrl-C. PostgreSQL refuses to
# run as root, so as root it runs as `postgres` or `nobody`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

project=schema/${1:-romashka}
if [ ! -f "$project/trueup.yaml" ] || [ ! -f "$project/before.sql" ]; then
  echo "demo: no example project with a starting point: $project" >&2
  for found in schema/*/before.sql; do echo "  $(basename "$(dirname "$found")")" >&2; done
  exit 1
fi

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
if [ ! -t 1 ]; then say() { printf '\n# %s\n' "$*"; }; fi

say "Building trueup (the first time this takes some minutes)"
cargo build --no-default-features
PATH="${CARGO_TARGET_DIR:-$PWD/target}/debug:$PATH"

# The newest server of those that the system, or the folders of $TRUEUP_PG_HOMES, have.
bin=
IFS=: read -ra homes <<<"$TRUEUP_PG_HOMES"
for folder in "${TRUEUP_PG_BIN:-}" $(compgen -G '/usr/lib/postgresql/*/bin' | sort -rV) $(compgen -G '/usr/pgsql-*/bin' | sort -rV) \
  $(for home in "${homes[@]}"; do compgen -G "$home/*/bin" | sort -rV; done) "$(dirname "$(command -v initdb || true)")"; do
  if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
    bin=$folder
    break
  fi
done
if [ -z "$bin" ]; then
  echo "demo: no PostgreSQL server (initdb, postgres) was found; install the package postgresql or set TRUEUP_PG_BIN" >&2
  exit 1
fi

unprivileged=()
home=$(mktemp -d "${TMPDIR:-/tmp}/trueup-demo.XXXXXX")
server=
clean_up() {
  trap - EXIT INT TERM
  if [ -n "$server" ]; then
    kill -INT "$(head -n 1 "$home/data/postmaster.pid" 2>/dev/null || echo "$server")" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$home"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ "$(id -u)" = 0 ]; then
  for user in postgres nobody; do
    if id "$user" >/dev/null 2>&1; then
      unprivileged=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups)
      chown "$user" "$home"
      break
    fi
  done
fi
chmod 755 "$home"

say "Starting a throw-away PostgreSQL"
(
  cd "$home"
  "${unprivileged[@]}" "$bin/initdb" --no-sync -A trust -U postgres -E UTF8 --locale C -D "$home/data" >"$home/initdb.log" 2>&1
) || { cat "$home/initdb.log" >&2; exit 1; }
(
  cd "$home"
  exec "${unprivileged[@]}" "$bin/postgres" -D "$home/data" -c unix_socket_directories="$home" -c listen_addresses= \
    -c fsync=off -c max_connections=20 >"$home/server.log" 2>&1 </dev/null
) &
server=$!
export PGHOST=$home PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
for _ in $(seq 100); do
  if psql -Xqc 'select 1' >/dev/null 2>&1; then break; fi
  sleep 0.1
done
psql -XqAtc "select 'PostgreSQL ' || current_setting('server_version')" || { cat "$home/server.log" >&2; exit 1; }
psql -Xqc 'create database demo'
export PGDATABASE=demo DATABASE_URL="postgres://postgres@/demo?host=$home"

# Runs a command as a person would type it, and checks that it ends as it should.
run() {
  local expected=$1 status=0
  shift
  local shown='' word
  for word in "$@"; do
    case $word in *[!A-Za-z0-9_=./:-]*) word="'$word'" ;; esac
    shown="$shown $word"
  done
  printf '\n$%s\n' "$shown"
  "$@" 2>&1 || status=$?
  if [ $status != "$expected" ]; then
    echo "demo: exit status $expected was expected, not $status" >&2
    exit 1
  fi
  if [ $status != 0 ]; then echo "(exit status $status)"; fi
}

say "The database as it was found"
run 0 psql -Xq -v ON_ERROR_STOP=1 -f "$project/before.sql"
run 0 psql -X -c '\dt public.*'

if [ -f "$project/complete-schema.sql" ]; then
  say "The script that was meant to complete it stops half-way"
  run 3 psql -Xq -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -f "$project/complete-schema.sql"
fi

say "What is declared, checked without a database"
run 0 trueup check --to "$project"

say "What differs, and the plan: what each step locks, and how it could hurt"
run 2 trueup diff --to "$project"

say "Bringing the database into agreement (--yes: nobody is asked in a demonstration)"
allowed=()
if [ -f "$project/args" ]; then read -ra allowed <"$project/args"; fi
# Where the project says `confirm: true` of the environment, --yes is not enough: it has to be named.
confirmed=()
if grep -q 'confirm: true' "$project/trueup.yaml"; then confirmed=(--confirm production); fi
run 0 trueup apply --yes "${confirmed[@]}" "${allowed[@]}" --to "$project"

say "Is it so? trueup says it, and a script that knows nothing of trueup says it"
run 0 trueup verify --to "$project"
if [ -f "$project/expect.sql" ]; then
  run 0 psql -XqAt -F ' -> ' -v ON_ERROR_STOP=1 -f "$project/expect.sql"
fi

say "Run again, there is nothing to do"
run 0 trueup diff --to "$project"
