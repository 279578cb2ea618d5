#!/usr/bin/env bash
# Brings PostgreSQL from another Debian release, without installing anything.
#
#   scripts/debian-postgres.sh RELEASE MAJOR FOLDER      (RELEASE: bookworm, trixie, sid, experimental)
#
# The packages and all that they need are taken through this machine's own archive, unpacked into FOLDER, and run by the C
# library that lies there, so that a newer release's programs run on an older one. No root is needed, nothing is mounted, and
# no service is started. The last line on stdout is the folder of the programs. What is there from today is left alone; older
# than that, it is looked whether the archive has a newer version. Exit status 75: the archive or the package cannot be had.
set -euo pipefail
unavailable=75
say() { echo "debian-postgres: $*" >&2; }

[ $# = 3 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 1; }
release=$1 major=$2 folder=$3
case $release in
  bookworm | trixie | sid) suites=("$release") ;;
  experimental) suites=(sid experimental) ;;
  *) say "unknown release: $release"; exit 1 ;;
esac
mkdir -p "$(dirname "$folder")"
folder=$(cd "$(dirname "$folder")" && pwd)/$(basename "$folder")
programs=$folder/usr/lib/postgresql/$major/bin
done_with() {
  say "PostgreSQL $(cat "$folder/.version") of Debian $release"
  echo "$programs"
  exit 0
}
is_whole() { [ -s "$folder/.version" ] && [ -x "$programs/postgres" ]; }
if is_whole && [ -n "$(find "$folder/.version" -mtime -1)" ]; then done_with; fi
# Where the archive does not answer, what is there already serves.
give_up() {
  if is_whole; then say "$*; what is there stays"; done_with; fi
  say "$*"
  exit $unavailable
}
for tool in apt-get apt-cache dpkg-deb; do command -v $tool >/dev/null || give_up "needs $tool"; done
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || give_up "knows the packages for Linux on x86_64 only"

# The address under which this machine's apt reaches an archive.
archive() {
  # One of the two places is often missing, which grep counts as a failure.
  { grep -rhoE "^[^#]*https?://[^ ]+/$1/?( |\$)" /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null || true; } \
    | { grep -oE "https?://[^ ]+" || true; } | sed -n 1p
}
main=$(archive debian)
[ -n "$main" ] || give_up "no archive of Debian is among the sources of this machine's apt"
security=$(archive debian-security)

work=$(mktemp -d "$(dirname "$folder")/.debian-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,cache/archives/partial,preferences,tree}
: >"$work/status"
key=/usr/share/keyrings/debian-archive-keyring.gpg
signed=
if [ -e $key ]; then signed="[signed-by=$key] "; fi
for suite in "${suites[@]}"; do echo "deb $signed$main $suite main"; done >"$work/sources.list"
case $release in
  sid | experimental) ;;
  *) if [ -n "$security" ]; then echo "deb $signed$security $release-security main" >>"$work/sources.list"; fi ;;
esac
# apt takes a release candidate's libraries from experimental only where it is told that it may.
if [ "$release" = experimental ]; then
  printf 'Package: libpq5 postgresql-client-%s\nPin: release a=experimental\nPin-Priority: 500\n' "$major" >"$work/preferences/pin"
fi
options=(-o Dir::State="$work" -o Dir::State::status="$work/status" -o Dir::State::lists="$work/lists"
  -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
  -o Dir::Etc::preferencesparts="$work/preferences" -o Dir::Etc::preferences=/dev/null -o APT::Install-Recommends=false
  -o Acquire::Languages=none -o APT::Update::Error-Mode=any -o Debug::NoLocking=true)
# As root, apt would download as a user that may not write here.
if [ "$(id -u)" = 0 ]; then options+=(-o APT::Sandbox::User=root); fi

apt-get "${options[@]}" -q update >"$work/log" 2>&1 || give_up "the package lists of Debian $release cannot be had"
version=$(apt-cache "${options[@]}" policy "postgresql-$major" | sed -n 's/^ *Candidate: //p')
case $version in '' | '(none)') give_up "Debian $release has no postgresql-$major" ;; esac
if is_whole && [ "$(cat "$folder/.version")" = "$version" ]; then
  touch "$folder/.version"
  done_with
fi
say "fetching PostgreSQL $version of Debian $release"
apt-get "${options[@]}" -y -q --download-only install "postgresql-$major" "postgresql-client-$major" >"$work/log" 2>&1 \
  || give_up "the packages of PostgreSQL $version cannot be had: $(sed -n 's/^E: //p' "$work/log" | sed -n 1p)"
for package in "$work"/cache/archives/*.deb; do
  # Compiling queries is switched off in tests, and its library is half of everything.
  case $package in */libllvm*) continue ;; esac
  dpkg-deb -x "$package" "$work/tree"
done
rm -f "$work/tree/usr/lib/postgresql/$major/lib/"llvmjit*
rm -rf "$work/tree/usr/share/"{doc,man,locale} "$work/tree/usr/lib/postgresql/$major/lib/bitcode"

# The programs find their files by where they are called, and one another beside them: so the scripts stand in their place.
# Their paths hold the final folder.
here=$work/tree/usr/lib/postgresql/$major
mv "$here/bin" "$here/programs"
mkdir "$here/bin"
loader=$(cd "$work/tree" && find . -name 'ld-linux-x86-64.so.*' | sort | sed -n 1p)
for program in "$here/programs"/*; do
  name=$(basename "$program")
  cat >"$here/bin/$name" <<SCRIPT
#!/bin/sh
exec "$folder/$loader" --library-path "$folder/usr/lib/x86_64-linux-gnu:$folder/lib/x86_64-linux-gnu" \\
  --argv0 "$programs/$name" "$folder/usr/lib/postgresql/$major/programs/$name" "\$@"
SCRIPT
  chmod 755 "$here/bin/$name"
done
echo "$version" >"$work/tree/.version"
chmod -R a+rX "$work/tree"
rm -rf "${folder:?}"
mv "$work/tree" "$folder"
if ! "$programs/postgres" --version >/dev/null; then
  rm -rf "${folder:?}"
  give_up "PostgreSQL $version of Debian $release does not start here"
fi
done_with
