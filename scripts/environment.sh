# Sourced by the other scripts: where cargo and the PostgreSQL majors are.

export HOME="${HOME:-$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6)}"
for folder in "$HOME/.cargo/bin" /usr/local/cargo/bin; do
  case ":$PATH:" in
    *":$folder:"*) ;;
    *) if [ -d "$folder" ]; then PATH="$PATH:$folder"; fi ;;
  esac
done
export PATH

# A list of folders like PATH; each holds <major>/bin. Outside the working copy, so that a clean clone finds them again.
if [ -z "${TRUEUP_PG_HOMES:-}" ]; then
  if [ "$(id -u)" = 0 ]; then
    TRUEUP_PG_HOMES=/var/cache/trueup/postgres
  else
    TRUEUP_PG_HOMES="${XDG_CACHE_HOME:-$HOME/.cache}/trueup/postgres"
  fi
fi
export TRUEUP_PG_HOMES
