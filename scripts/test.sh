#!/usr/bin/env bash
# Runs tests with nextest where it is installed, otherwise with cargo's own runner. Arguments go to the runner.
#
#   scripts/test.sh               unit tests, tests/ and examples in the documentation
#   scripts/test.sh --lib         unit tests alone
#   scripts/test.sh --minors      a part of tests/ on two minor releases of one major
#   scripts/test.sh --newest      a part of tests/ on versions that the system's release lacks: the newest 17 and 18, and 19
#   scripts/test.sh --acceptance  thousands of random pairs, all scripts of all cases, all of tests/ on the minor releases, and all of what --newest tries in part
#
# The minor releases are those of the default major, 15: an older one (from before November 2026) alone, and the two as live and
# scratch server, in both orders. A machine looks like that on the day after an update.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

home=${TRUEUP_PG_HOMES%%:*}
newer=/usr/lib/postgresql/15/bin
older=$home/older/15/bin
# Where only a part is tried: of the pairs of tests/pairs.rs every so many, and of the cases every so many, others on each of the six
# servers or pairs of servers that --minors and --newest have between them.
pairs=24 cases=6 turn=0

say() { printf '\n--- %s\n' "$*"; }
version_of() { "$1/postgres" --version | sed 's/^postgres (PostgreSQL) //'; }
run() {
  if command -v cargo-nextest >/dev/null; then cargo nextest run --no-fail-fast "$@"; else cargo test --quiet --no-fail-fast "$@"; fi
}

everything() {
  if command -v cargo-nextest >/dev/null; then run; else run --lib --bins --tests; fi
  cargo test --quiet --doc
}

# The part of tests/ that is tried on other minor releases and versions: some of the cases and pairs, the way of the examples, and what
# the arguments add. What the editor's script makes of the examples is tried on the default version only.
part() {
  turn=$((turn % cases + 1))
  TRUEUP_PAIRS_EVERY=$pairs TRUEUP_CASES_PART=$turn/$cases run --test cases --test examples --test pairs "$@" -- \
    every_case_holds every_example_works_from_its_starting_point pairs_converge every_schema_round_trips
}

# $1: `part`, or the arguments of the runner for all that is to be tried.
some() { if [ "$1" = part ]; then "$@"; else run "$@"; fi; }

minors() {
  if [ ! -x "$newer/postgres" ] || [ ! -x "$older/postgres" ]; then
    say "SKIPPED: minor releases: PostgreSQL 15 is needed in $newer and, as an older minor release, in $older"
    return
  fi
  local new old failed=0
  new=$(version_of "$newer") old=$(version_of "$older")
  if [ "${new%% *}" = "${old%% *}" ]; then
    say "SKIPPED: minor releases: both are $old"
    return
  fi
  say "minor releases: $old alone"
  TRUEUP_PG_BIN=$older some "$@" || failed=1
  say "minor releases: $old live, $new as scratch server"
  TRUEUP_PG_BIN=$older TRUEUP_SCRATCH=$newer some "$@" || failed=1
  say "minor releases: $new live, $old as scratch server"
  TRUEUP_PG_BIN=$newer TRUEUP_SCRATCH=$older some "$@" || failed=1
  return $failed
}

newest() {
  local failed=0 homes=$TRUEUP_PG_HOMES place release major bin
  turn=3
  for place in trixie/17 sid/18 experimental/19; do
    release=${place%/*} major=${place#*/}
    if ! bin=$(scripts/debian-postgres.sh "$release" "$major" "$home/newest/$major"); then
      say "SKIPPED: PostgreSQL $major of Debian $release cannot be had"
      continue
    fi
    say "PostgreSQL $(version_of "$bin")"
    TRUEUP_PG_HOMES=${bin%/*/bin}:$TRUEUP_PG_HOMES TRUEUP_MAJOR=$major some "$@" --test roundtrip || failed=1
    homes=${bin%/*/bin}:$homes
  done
  say "live and scratch servers of two versions"
  # The round trips on each version are above, and those of the versions that every machine has are among the other tests.
  TRUEUP_PG_HOMES=$homes run --test majors -- --skip round_trips_hold_on_every_major_version || failed=1
  return $failed
}

case ${1:-} in
  --acceptance)
    failed=0
    TRUEUP_PROPERTY_CASES="${TRUEUP_PROPERTY_CASES:-5000}" cargo test --test property -- --nocapture || failed=1
    TRUEUP_FORMS=all run --test script_texts || failed=1
    minors --tests || failed=1
    newest --test cases --test examples --test pairs || failed=1
    exit $failed
    ;;
  --minors) minors part ;;
  --newest) newest part ;;
  '')
    if [ -x "$newer/postgres" ]; then say "PostgreSQL $(version_of "$newer")"; fi
    everything
    ;;
  *)
    if command -v cargo-nextest >/dev/null; then cargo nextest run --no-tests pass "$@"; else cargo test --quiet "$@"; fi
    ;;
esac
