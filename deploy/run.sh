#!/usr/bin/env bash
#
# Starts bin/bida with the example company on this machine: `make run`. A first
# start, on an empty data directory, creates the administrator account.
#
#   deploy/run.sh [--throw-away] [--listen ADDRESS]
#
#   --throw-away   use a new temporary directory and remove it at the end
#
# BIDA_BIN names another program; BIDA_DATA another data directory.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly bida=${BIDA_BIN:-bin/bida}
readonly policy=deploy/examples/company.yaml
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

password=
if [[ ! -d $data || -z $(ls -A "$data") ]]; then
    password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    if ! printf '%s\n' "$password" |
        "$bida" account create --data "$data" --name admin --role admin --password-stdin; then
        printf 'The administrator account could not be created. Remove %s and try again.\n' "$data" >&2
        exit 1
    fi
fi

printf '\nBida 必达   http://%s   data: %s   company: %s\n\n' "$listen" "$data" "$policy"
printf '  Who can work with it: admin, and every account of the company (agent-a … agent-l, supervisor-b, the robot shop).\n'
printf '  Each needs a token, made like this, whether the server runs or not:\n'
printf '    %s token create --data %s --account agent-a\n' "$bida" "$data"
printf '  Then, in terminals of their own:\n'
printf '    BIDA_SERVER=http://%s BIDA_TOKEN=… %s listen                        # an agent at work\n' "$listen" "$bida"
printf '    BIDA_SERVER=http://%s BIDA_TOKEN=… %s diagnose --agent agent-a      # as admin: why, or why not\n' "$listen" "$bida"
if [[ -n $password ]]; then
    printf '  The password of admin is %s (shown only now; for the console, when it is there).\n' "$password"
fi
printf '  What to try next: the tour in README.md.\n\n'

serve=("$bida" serve --policy "$policy" --data "$data" --listen "$listen")
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
