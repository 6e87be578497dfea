#!/usr/bin/env bash
#
# The long form of what `make test` does with random input (`make fuzz-long`): the
# engine against the naive evaluator on CASES cases (10,000,000), then every fuzz
# target of the repository for FUZZTIME (5m) each. It stops at the first failure;
# go test leaves the input that failed under testdata/fuzz of the package.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly cases=${CASES:-10000000} fuzztime=${FUZZTIME:-5m}

printf '==> the engine against the naive evaluator, %s cases\n' "$cases"
go test ./internal/reception -count=1 -timeout 0 -v -run '^TestTheEngineAgreesWithANaiveEvaluator' -args -cases="$cases"

found=
while IFS=: read -r file line; do
    target=${line#func }
    target=${target%%(*}
    found=yes
    printf '==> %s in %s, %s\n' "$target" "${file%/*}" "$fuzztime"
    go test "./${file%/*}" -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime"
done < <(git grep -E '^func Fuzz[A-Za-z0-9_]*\(' -- '*_test.go')
[[ -n $found ]] || {
    echo 'There is no fuzz target.' >&2
    exit 1
}
