#!/usr/bin/env bash
# Runs tests with nextest where it is installed, otherwise with cargo's own runner. Arguments go to the runner.
#
#   scripts/test.sh               unit tests, tests/ and examples in the documentation
#   scripts/test.sh --lib         unit tests alone
#   scripts/test.sh --acceptance  thousands of random pairs, of which the tests try the first 500
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

if [ "${1:-}" = --acceptance ]; then
  TRUEUP_PROPERTY_CASES="${TRUEUP_PROPERTY_CASES:-5000}" cargo test --test property -- --nocapture
elif [ $# -gt 0 ]; then
  if command -v cargo-nextest >/dev/null; then cargo nextest run --no-tests pass "$@"; else cargo test --quiet "$@"; fi
elif command -v cargo-nextest >/dev/null; then
  cargo nextest run --no-fail-fast
  cargo test --quiet --doc
else
  cargo test --quiet --no-fail-fast --lib --bins --tests
  cargo test --quiet --doc
fi
