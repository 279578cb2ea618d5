#!/usr/bin/env bash
# Runs tests with nextest where it is installed, otherwise with cargo's own runner. Arguments go to the runner.
#
#   scripts/test.sh               unit tests, tests/ and examples in the documentation, without the acceptance runs
#   scripts/test.sh --lib         unit tests alone
#   scripts/test.sh --acceptance  the acceptance runs alone: a thousand pairs of schemas, thousands of random ones
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

# These take from ten minutes to an hour on two cores, and not all of them pass yet (docs/convergence.md); `make acceptance` runs them.
long=(pairs)

if [ "${1:-}" = --acceptance ]; then
  for name in "${long[@]}"; do
    cargo test --test "$name" -- --nocapture
  done
  # Its first 500 cases are among the tests.
  TRUEUP_PROPERTY_CASES="${TRUEUP_PROPERTY_CASES:-5000}" cargo test --test property -- --nocapture
elif [ $# -gt 0 ]; then
  if command -v cargo-nextest >/dev/null; then cargo nextest run --no-tests pass "$@"; else cargo test --quiet "$@"; fi
elif command -v cargo-nextest >/dev/null; then
  skip=$(printf ' or binary(%s)' "${long[@]}")
  cargo nextest run --no-fail-fast -E "not (${skip# or })"
  cargo test --quiet --doc
else
  targets=(--lib --bins)
  for file in tests/*.rs tests/*/main.rs; do
    name=${file#tests/} name=${name%/main.rs} name=${name%.rs}
    [[ " ${long[*]} " == *" $name "* ]] || targets+=(--test "$name")
  done
  cargo test --quiet --no-fail-fast "${targets[@]}"
  cargo test --quiet --doc
fi
