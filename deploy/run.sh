#!/usr/bin/env bash
#
# Starts bin/bida with the demo company on this machine: `make run`. An empty
# data directory is filled with it; a later start goes on where the last one
# stopped. The program says who can sign in.
#
#   deploy/run.sh [--throw-away] [--listen ADDRESS]
#
#   --throw-away   use a new temporary directory and remove it at the end
#
# BIDA_BIN names another program; BIDA_DATA another data directory.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly bida=${BIDA_BIN:-bin/bida}
data=${BIDA_DATA:-./bida-data}
listen=127.0.0.1:8420
throw_away=

while (($# > 0)); do
    case $1 in
    --throw-away) throw_away=yes ;;
    --listen)
        listen=${2:?--listen needs an address}
        shift
        ;;
    *)
        printf 'usage: deploy/run.sh [--throw-away] [--listen ADDRESS]\n' >&2
        exit 2
        ;;
    esac
    shift
done

if [[ -n $throw_away ]]; then
    data=$(mktemp -d "${TMPDIR:-/tmp}/bida-dev.XXXXXX")
    trap 'rm -rf "$data"' EXIT
fi

serve=("$bida" serve --demo --data "$data" --listen "$listen")
if [[ -z $throw_away ]]; then
    exec "${serve[@]}"
fi
# Not exec: the directory must still be removed afterwards. The shell starts
# background programs with the interrupt of the terminal ignored, so every signal
# is passed on as the one that asks the server to stop.
"${serve[@]}" &
server=$!
trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM HUP
status=0
wait "$server" || status=$?
while kill -0 "$server" 2>/dev/null; do
    wait "$server" || status=$?
done
exit "$status"
