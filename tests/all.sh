#!/usr/bin/env bash
# All tests, cheap ones first; every check runs even when an earlier one failed. The last line is the sum:
# `N passed, N failed, N skipped`. LONG=1: full counts, and the logs are the report in target/long/.
set -uo pipefail
cd "$(dirname "$0")/.."
[ -r "${CARGO_HOME:-$HOME/.cargo}/env" ] && . "${CARGO_HOME:-$HOME/.cargo}/env"

target=${CARGO_TARGET_DIR:-target}
logs=$target/test
[ "${LONG:-0}" != 0 ] && [ -n "${LONG:-}" ] && logs=$target/long
mkdir -p "$logs"
rm -f "$logs"/[0-9][0-9]-*.log "$logs/summary.txt"
# As root, a lab that cannot be built is a failure, not a reason to skip it.
[ "$(id -u)" = 0 ] && export LAB_REQUIRED=1

passed=0
failed=0
skipped=0
number=0

# check NAME COMMAND…: a command that counts as one check by itself, unless it is a run of tests, which count one by one.
check() {
    local name=$1 log status sums ok bad ignored started=$SECONDS
    shift
    number=$((number + 1))
    log=$logs/$(printf '%02d' "$number")-$name.log
    printf '== %s: %s\n' "$name" "$*"
    "$@" 2>&1 | tee "$log" | show
    status=${PIPESTATUS[0]}
    sums=$(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored.*/\1 \2 \3/p' "$log" |
        awk '{ok += $1; bad += $2; ignored += $3} END {if (NR) print ok, bad, ignored}')
    read -r ok bad ignored <<<"${sums:-0 0 0}"
    if [ -z "$sums" ] && [ "$status" = 0 ]; then
        ok=1
    elif [ "$status" != 0 ] && [ "$bad" = 0 ]; then
        # It broke before or outside its tests: did not build, or crashed.
        bad=1
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    skipped=$((skipped + ignored))
    [ "$bad" = 0 ] || tail -n 60 "$log"
    printf -- '-- %s: %s passed, %s failed, %s skipped, %s s\n' "$name" "$ok" "$bad" "$ignored" "$((SECONDS - started))" |
        tee -a "$logs/summary.txt"
}

# What is worth seeing while it runs: failures, warnings, and one line for each run of tests.
show() {
    grep --line-buffered -E '^(test result|error|warning: unused|skipped:|GAP)|FAILED|panicked' || true
}

cargo_test=(cargo test -q)
check fmt cargo fmt --all --check
check tidy cargo test -p lab --test tidy
check clippy cargo clippy --workspace --all-targets -- -D warnings
check pure "${cargo_test[@]}" --workspace --exclude lab --no-fail-fast
if [ "$logs" = "$target/long" ]; then
    check fuzz cargo test --profile fuzz -p engine --test fuzz -- --nocapture
fi
check golden cargo test -p lab --test golden
check crash cargo test -p lab --test crash
check tools cargo test -p lab --lib --bins
check importers cargo test -p lab --test importers
if cargo metadata --no-deps --format-version 1 | grep -q '"name":"suimon"'; then
    check build cargo build --release --bin suimon
fi
check lab-itself cargo test -p lab --test lab_itself
check lab-forwarding cargo test -p lab --test lab_forwarding
check lab-faults cargo test -p lab --test lab_faults
check lab-dying cargo test -p lab --test lab_dying
check lab-direct cargo test -p lab --test lab_direct
check lab-tools cargo test -p lab --test lab_tools
check lab-judging cargo test -p lab --test lab_judging
check lab-backup cargo test -p lab --test lab_backup
check lab-configuration cargo test -p lab --test lab_configuration
check real-servers cargo test -p lab --test real_servers
check checks cargo test -p lab --test checks
check ldirectord cargo test -p lab --test ldirectord
check lab-telling cargo test -p lab --test lab_telling
check lab-support cargo test -p lab --test lab_support
check web cargo test -p lab --test web
check scale cargo test -p lab --test scale
check api cargo test -p lab --test api
check attacks cargo test -p lab --test attacks
check browser cargo test -p lab --test browser
check vm cargo test -p lab --test vm

printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped" >>"$logs/summary.txt"
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
