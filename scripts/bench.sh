#!/usr/bin/env bash
# The numbers of trueup side by side with pg_dump, as a Markdown page on stdout, in a release build.
#
# usage: scripts/bench.sh [--tables 1000,10000] [--repeat 3] [--server URL] [--huge]
#
# --huge adds 100,000 tables, which takes several minutes to generate.
# --server takes a server that is there, and leaves the generated databases on it for the next run.
# Otherwise starts its own PostgreSQL 15; $TRUEUP_PG_BIN names a folder of binaries that is not found by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

tables=1000,10000
repeat=3
server=()
while [ $# -gt 0 ]; do
    case $1 in
        --tables) tables=${2:?}; shift 2 ;;
        --repeat) repeat=${2:?}; shift 2 ;;
        --server) server=(--server "${2:?}"); shift 2 ;;
        --huge) tables=$tables,100000; shift ;;
        *) echo "usage: $0 [--tables N,N] [--repeat N] [--server URL] [--huge]" >&2; exit 1 ;;
    esac
done

cargo bench --quiet --bench numbers -- run --tables "$tables" --repeat "$repeat" "${server[@]}"
printf '\n'
cargo bench --quiet --bench backfill -- run
