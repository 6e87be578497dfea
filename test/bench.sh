#!/usr/bin/env bash
#
# Measures the release program as a whole, on servers of its own in a temporary directory: `make bench`. Each run prints a table with the reference of the
# same run beside it. A message that is lost, duplicated, reordered or misdelivered fails it; a figure never does.
#
#   test/bench.sh [OPTION…]      options of `bida bench` for all runs, such as --duration 30s or --scratch DIR
#
# BIDA_BIN names another program.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly bida=${BIDA_BIN:-bin/bida}
status=0

run() {
    printf '\n==> bida bench %s\n' "$*"
    "$bida" bench --serve "$@" || status=$?
}

run "$@"
run --rate 1000/s "$@"
run --rate 3000/s "$@"
run --batch 128 --agents 0 "$@"

# Reports on a million messages of a thousand agents, which are made first, by what a server does (minutes). MESSAGES=100000 for fewer.
printf '\n==> reports on a long past\n'
BIDA_BIN=$(realpath "$bida") go test -run '^$' -bench Reports -benchtime 1x -timeout 2h ./test/scale -args -messages "${MESSAGES:-1000000}" || status=$?
exit "$status"
