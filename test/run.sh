#!/usr/bin/env bash
#
# Runs the tests of the whole repository: `make test` and CI call it without
# arguments. With names of parts it runs only those, in the order given:
#
#   test/run.sh [static] [repo] [web] [unit] [binary] [e2e]
#
#   static   gofmt, go vet, staticcheck
#   repo     the rules of the repository itself (test/repo)
#   web      the console and the widget: packages, types, lint, tests, build and size
#   unit     every package outside test/, with the race detector; then the engine on a
#            million random cases without it
#   binary   the release program, and the packages under test/ that use it
#   e2e      people at real browsers (test/e2e), against the release program
#
# It installs or starts what they need and says so. What is missing is a
# failure, never a skip: a skipped test fails the run as well.
#
# BIDA_TEST_POSTGRES, when already set, names a PostgreSQL server to use (its
# user must be allowed to create databases); else a private one is started on a
# socket in a temporary directory and stopped at the end, whatever happens.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly all_parts=(static repo web unit binary e2e)
work=
postgres_data=
tests=
step='starting'

say() { printf '==> %s\n' "$*"; }

fail() {
    printf 'make test: FAILED: %s\n' "$*" >&2
    exit 1
}

# ---- what the tests need -----------------------------------------------------

apt_updated=

# install PACKAGE… for REASON, as root on Debian; elsewhere says what to do.
install_packages() {
    local reason=$1
    shift
    if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
        fail "$reason: please install it (Debian: apt-get install $*)"
    fi
    say "installing $* ($reason)"
    export DEBIAN_FRONTEND=noninteractive
    if [[ -z $apt_updated ]]; then
        apt-get update -qq
        apt_updated=yes
    fi
    apt-get install -y -qq --no-install-recommends "$@" >"$work/apt.log" 2>&1 || {
        tail -n 20 "$work/apt.log" >&2
        fail "apt-get could not install $*"
    }
}

ensure_go() {
    command -v go >/dev/null || fail 'Go is not installed; go.mod says which version is needed'
}

ensure_c_compiler() {
    if ! command -v "$(go env CC)" >/dev/null; then
        install_packages 'the race detector needs a C compiler' gcc libc6-dev
    fi
}

# Prints the directory with initdb and postgres, or fails.
find_postgres() {
    local dir
    if command -v initdb >/dev/null && command -v postgres >/dev/null; then
        dirname "$(readlink -f "$(command -v initdb)")"
        return
    fi
    while read -r dir; do
        if [[ -x $dir/initdb && -x $dir/postgres ]]; then
            printf '%s\n' "$dir"
            return
        fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
    return 1
}

start_postgres() {
    [[ -z $postgres_data ]] || return 0
    if [[ -n ${BIDA_TEST_POSTGRES:-} ]]; then
        say 'using the PostgreSQL server that BIDA_TEST_POSTGRES names'
        return
    fi
    local bin
    if ! bin=$(find_postgres); then
        install_packages 'the stores are tested on PostgreSQL' postgresql
        bin=$(find_postgres) || fail 'PostgreSQL is installed, but initdb and postgres were not found'
    fi

    # PostgreSQL refuses to run as root. Where setpriv exists the kernel also
    # stops the server when this script is killed without a chance to clean up.
    local -a as_owner=()
    local owner=''
    if [[ $(id -u) -eq 0 ]]; then
        owner=postgres
        id -u "$owner" >/dev/null 2>&1 || owner=nobody
        command -v setpriv >/dev/null || fail 'PostgreSQL cannot run as root and setpriv (util-linux) is missing; run as another user'
        as_owner=(setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups --pdeathsig INT --)
    elif command -v setpriv >/dev/null; then
        as_owner=(setpriv --pdeathsig INT --)
    fi

    # The path of a Unix socket may have about 100 characters, so not under an
    # arbitrarily deep TMPDIR.
    local dir=$work/pg
    if ((${#dir} > 80)); then
        fail "the temporary directory $work is too deep for a socket; set TMPDIR to a shorter one"
    fi
    mkdir -p "$dir/socket"
    chmod 700 "$dir" "$dir/socket"
    if [[ -n $owner ]]; then
        chmod 711 "$work"
        chown -R "$owner" "$dir"
    fi

    say "starting a private $("$bin/postgres" --version | cut -d ' ' -f 1-3) on $dir/socket${owner:+ as user $owner}"
    (cd "$dir" && LC_ALL=C "${as_owner[@]}" "$bin/initdb" -D "$dir/data" -U bida -A trust -E UTF8 --locale=C --no-sync) \
        >"$work/initdb.log" 2>&1 || {
        cat "$work/initdb.log" >&2
        fail 'initdb did not succeed'
    }
    # Durability is off: these databases live for minutes. The tests of
    # durability bring their own servers.
    (
        cd "$dir"
        exec "${as_owner[@]}" "$bin/postgres" -D "$dir/data" -k "$dir/socket" -h '' -p 5432 \
            -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
            -c max_connections=200 -c shared_buffers=64MB
    ) >"$work/postgres.log" 2>&1 &
    local pid=$! tries
    postgres_data=$dir/data
    for ((tries = 0; tries < 600; tries++)); do
        # The eighth line of the lock file is the server's own word that it is ready.
        if [[ $(sed -n 8p "$postgres_data/postmaster.pid" 2>/dev/null || true) == ready* ]]; then
            export BIDA_TEST_POSTGRES="postgres://bida@/postgres?host=$dir/socket&port=5432&sslmode=disable"
            return
        fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 30 "$work/postgres.log" >&2
    fail 'PostgreSQL did not start'
}

stop_postgres() {
    [[ -n $postgres_data ]] || return 0
    local pid tries
    pid=$(head -n 1 "$postgres_data/postmaster.pid" 2>/dev/null || true)
    postgres_data=
    [[ -n $pid ]] || return 0
    kill -INT "$pid" 2>/dev/null || return 0
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -QUIT "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# Ends the tests that still run, with everything they have started.
stop_tests() {
    [[ -n $tests ]] || return 0
    local tries
    kill -TERM -- "-$tests" 2>/dev/null || return 0
    for ((tries = 0; tries < 50; tries++)); do
        kill -0 -- "-$tests" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$tests" 2>/dev/null || true
}

clean_up() {
    local status=$?
    trap - EXIT
    stop_tests
    stop_postgres
    [[ -z $work ]] || rm -rf "$work"
    if ((status != 0)); then
        printf 'make test: FAILED in part: %s\n' "$step" >&2
    fi
    exit "$status"
}

# ---- the parts ---------------------------------------------------------------

# go_test NAME ARGUMENTS… runs `go test ARGUMENTS`, prints one line a package,
# and fails on a failed test, on a skipped one, and when nothing ran.
go_test() {
    local record=$work/$1.json status=0
    shift
    # In a process group of its own and in the background: a signal to this
    # script is then noticed at once, and ends the whole group (stop_tests).
    set -m
    go tool gotestsum --format pkgname --format-hide-empty-pkg --hide-summary=skipped \
        --jsonfile "$record" -- "$@" </dev/null &
    tests=$!
    set +m
    wait "$tests" || status=$?
    tests=
    ((status == 0)) || return "$status"
    if grep -q '"Action":"skip".*"Test":' "$record"; then
        printf 'These tests were skipped; what they need is missing:\n' >&2
        sed -n -E 's/.*"Action":"skip","Package":"([^"]*)","Test":"([^"]*)".*/  \1 \2/p' "$record" >&2
        return 1
    fi
    grep -q '"Action":"pass".*"Test":' "$record" || {
        printf 'No test ran.\n' >&2
        return 1
    }
}

part_static() {
    local file
    local -a sources=()
    say 'gofmt'
    # What is not yet tracked counts too; what git ignores or a person has just
    # removed does not.
    while IFS= read -r -d '' file; do
        [[ ! -f $file ]] || sources+=("$file")
    done < <(git ls-files -z --cached --others --exclude-standard -- '*.go')
    file=$(gofmt -l "${sources[@]}")
    if [[ -n $file ]]; then
        printf 'gofmt would change:\n%s\n' "$file" >&2
        return 1
    fi
    say 'go vet'
    go vet ./...
    say 'staticcheck'
    go tool staticcheck ./...
}

part_repo() {
    # Not from the cache: the licences are read outside the repository.
    go_test repo -count=1 ./test/repo
}

ensure_node() {
    command -v npm >/dev/null || install_packages 'the web parts are built with Node' nodejs npm
}

part_web() {
    ensure_node
    say 'installing the packages that web/package-lock.json names'
    make --no-print-directory web/.installed
    say 'types'
    (cd web && npm run --silent check)
    say 'lint'
    (cd web && npm run --silent lint)
    say 'tests'
    (cd web && CI=1 npm run --silent test)
    say 'build, within the size budgets'
    (cd web && npm run --silent build)
    touch web/.built
}

part_unit() {
    ensure_c_compiler
    start_postgres
    local -a packages
    mapfile -t packages < <(go list ./... | grep -v -E "^$(go list -m)/test(/|\$)")
    ((${#packages[@]} > 0)) || fail 'there are no packages to test'
    # SQLite, translated from C, keeps its memory outside of Go's, where the race detector does not look: with it, that code
    # is only three times as slow, and longer to compile. What is Bida's, and the driver, have it. Vetted is everything in
    # part static, for more than go test looks for.
    CGO_ENABLED=1 go_test unit -race -vet=off -timeout 15m \
        -gcflags='modernc.org/sqlite/lib=-race=false' -gcflags='modernc.org/libc/...=-race=false' "${packages[@]}"
    # A million cases are too many for the race detector, which finds nothing in a pure function anyway.
    say 'the engine against the naive evaluator, 1,000,000 cases'
    CGO_ENABLED=0 go_test exact -count=1 -timeout 15m -run '^TestTheEngineAgreesWithANaiveEvaluator' ./internal/reception
}

ensure_strace() {
    command -v strace >/dev/null || install_packages 'the tests of failing disks trace the program' strace
}

built=

build_program() {
    [[ -z $built ]] || return 0
    ensure_node
    say 'building the release program'
    make --no-print-directory build
    export BIDA_BIN=$PWD/bin/bida
    built=yes
}

part_binary() {
    ensure_strace
    start_postgres
    build_program
    local -a packages
    mapfile -t packages < <(go list ./test/... | grep -v -E '/test/repo$')
    ((${#packages[@]} > 0)) || fail 'no package under test/ uses the release program'
    # Two at a time: test/chaos, which takes longest, mostly waits for times to pass.
    go_test binary -p 2 -count=1 -timeout 15m "${packages[@]}"
}

# What browser.mjs looks for, and letters for what the pages say.
ensure_chromium() {
    if [[ ! -x ${BIDA_CHROMIUM:-/usr/bin/chromium} ]]; then
        install_packages 'the browser tests need Chromium' chromium
    fi
    if ! command -v fc-list >/dev/null || [[ -z $(fc-list ':lang=zh-cn' family) ]]; then
        install_packages 'Chromium needs letters to show Chinese' fontconfig fonts-noto-cjk
    fi
}

part_e2e() {
    build_program
    ensure_chromium
    say 'installing the packages that test/e2e/package-lock.json names'
    (cd test/e2e && npm ci --silent --no-audit --no-fund)
    say 'people at browsers; pictures go to test/e2e/out'
    local record=$work/e2e.tap status=0
    set -m
    (cd test/e2e && npm test --silent -- --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$record") </dev/null &
    tests=$!
    set +m
    wait "$tests" || status=$?
    tests=
    ((status == 0)) || return "$status"
    if grep -q -E '^ *ok .*# (SKIP|TODO)' "$record"; then
        printf 'These browser tests did not run:\n' >&2
        grep -E '^ *ok .*# (SKIP|TODO)' "$record" >&2
        return 1
    fi
    grep -q -E '^# pass [1-9]' "$record" || {
        printf 'No browser test ran.\n' >&2
        return 1
    }
}

# ---- the run -----------------------------------------------------------------

main() {
    local part known
    local -a parts=("$@")
    ((${#parts[@]} > 0)) || parts=("${all_parts[@]}")
    for part in "${parts[@]}"; do
        known=" ${all_parts[*]} "
        [[ $known == *" $part "* ]] || fail "there is no part $part; the parts are: ${all_parts[*]}"
    done

    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    work=$(mktemp -d "${TMPDIR:-/tmp}/bida-test.XXXXXX")
    ensure_go

    for part in "${parts[@]}"; do
        step=$part
        SECONDS=0
        say "part: $part"
        "part_$part"
        say "part: $part passed in ${SECONDS}s"
    done

    step='stopping'
    stop_postgres
    if (($# > 0)); then
        printf 'make test: passed: %s (not the whole run)\n' "$*"
    else
        printf 'make test: all passed\n'
    fi
}

main "$@"
