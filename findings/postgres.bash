# Sourced by the scripts of this folder: gets a release of PostgreSQL, and runs a server of it.
#
#   get RELEASE postgresql=VERSION   unpacks that version of the server, from the archive that this machine's apt uses, into a temporary folder
#   start CONF...         starts a server of it, which is stopped in the end
#   sql STATEMENT...      runs statements, shows what the server says, and keeps it in $said
#   says TEXT             fails unless $said holds the text
#
# Nothing is installed: apt resolves the packages in a private state, and they are unpacked. Runs on Debian, as root or not.
set -euo pipefail
unset PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGPASSFILE PGSERVICE
export PSQLRC=/dev/null LC_ALL=C.UTF-8
work=$(mktemp -d); chmod 755 "$work"
bin= data= said=

stop() { [ -z "$data" ] || [ ! -e "$data/postmaster.pid" ] || as_user "$bin/pg_ctl" -D "$data" -m immediate -w -s stop || true; data=; }
trap 'stop; rm -rf "$work"' EXIT

# PostgreSQL does not run as root.
as_user() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; else "$@"; fi
}

mirror() { # mirror debian|debian-security: the address of that archive in this machine's apt sources
  local at; at=$(grep -rhoE "https?://[^ ]+/$1/?( |\$)" /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1)
  at=${at% }; [ "$at" ] || { echo "SKIP: apt has no archive $1 here" >&2; exit 77; }
  echo "${at%/}"
}

get() { # get bookworm|trixie|experimental postgresql=VERSION
  local release=$1 version=${2#postgresql=}
  local major=${version%%[.~]*} at=$work/$version key=/usr/share/keyrings/debian-archive-keyring.gpg deb ld lib tool
  local apt=$at/.apt base; base=$(mirror debian)
  stop
  mkdir -p "$apt"/{lists/partial,cache/archives/partial,preferences.d}; : >"$apt/status"
  if [ "$release" = experimental ]; then
    printf 'deb [signed-by=%s] %s %s main\n' "$key" "$base" sid "$key" "$base" experimental >"$apt/sources.list"
    printf 'Package: libpq5\nPin: release a=experimental\nPin-Priority: 500\n' >"$apt/preferences.d/libpq"
  else
    printf 'deb [signed-by=%s] %s %s main\n' "$key" "$base" "$release" "$key" "$(mirror debian-security)" "$release-security" >"$apt/sources.list"
  fi
  local options=(-q -o "Dir::State=$apt" -o "Dir::State::status=$apt/status" -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache"
    -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::Etc::preferencesparts=$apt/preferences.d"
    -o Dir::Etc::preferences=/dev/null -o APT::Install-Recommends=false -o Acquire::Languages=none -o Debug::NoLocking=true -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >"$apt/log" 2>&1 &&
    apt-get "${options[@]}" -y --download-only install "postgresql-$major=$version" "postgresql-client-$major=$version" "libpq5" >>"$apt/log" 2>&1 ||
    { grep -E '^[EW]:' "$apt/log" >&2; echo "SKIP: PostgreSQL $version cannot be had from $release" >&2; exit 77; }
  for deb in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$at"; done
  rm -rf "$apt"
  # The programs run with the libraries that were unpacked with them, from the folder that they look for theirs beside.
  bin=$at/usr/lib/postgresql/$major/bin; mv "$bin" "$bin.real"; mkdir "$bin"
  ld=$(find "$at" -name 'ld-linux-*.so.*' | sort | head -n 1)
  lib=$(dirname "$(find "$at/usr/lib" -name 'libpq.so.5' | head -n 1)")
  for tool in "$bin.real"/*; do
    printf '#!/bin/sh\nexec "%s" --library-path "%s:%s" --argv0 "%s" "%s" "$@"\n' "$ld" "$lib" "$at/lib/$(basename "$lib")" \
      "$bin/$(basename "$tool")" "$tool" >"$bin/$(basename "$tool")"
    chmod 755 "$bin/$(basename "$tool")"
  done
  "$bin/postgres" --version
}

start() {
  local setting options=
  data=$(mktemp -d "$work/data.XXXXXX"); [ "$(id -u)" != 0 ] || chown nobody:nogroup "$data"
  as_user "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --no-locale -N >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  for setting in "$@"; do options="$options -c $setting"; done
  as_user "$bin/pg_ctl" -D "$data" -s -w -l "$data/log" -o "-c listen_addresses= -k $data -F -c jit=off$options" start || { cat "$data/log" >&2; exit 1; }
}

psql() { "$bin/psql" -X -h "$data" -U postgres -d postgres "$@"; }
dump() { "$bin/pg_dump" -h "$data" -U postgres "$@" postgres | grep -vE '^(--|$|SET |SELECT pg_catalog.set_config|\\(un)?restrict)'; }

sql() {
  local one; said=
  for one in "$@"; do
    said+=$(psql -Atq -c "$one" 2>&1 || true)$'\n'
  done
  sed '/^$/d; s/^/    /' <<<"$said"
}

says() {
  grep -qF -- "$1" <<<"$said" || { echo "CHANGED: the server does not say: $1" >&2; exit 1; }
}
says_not() {
  ! grep -qF -- "$1" <<<"$said" || { echo "CHANGED: the server says: $1" >&2; exit 1; }
}
