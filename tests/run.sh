#!/bin/bash
# The tests and documentation of `make test`, and last a summary: how many tests passed, and what was left out. Without a
# Dovecot (NO_INSTALL=1) it leaves out each file of tests that uses one, and says which.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

main() {
    local files=() options=() file
    if ! tests/install-needs.sh has dovecot-imapd || ! tests/install-needs.sh has openssl; then
        mapfile -t files < <(grep -lE 'dovecot\(\)|Dovecot::start' tests/session/*.rs)
    fi
    for file in "${files[@]}"; do
        options+=(--skip "$(basename "$file" .rs)::")
        say_skipped "the $(grep -c '^#\[test\]' "$file") tests of $file, because the private Dovecot needs dovecot-imapd and openssl"
    done
    "$cargo" test --release --locked -- "${options[@]}" 2>&1 | tee -a "$log"
    RUSTDOCFLAGS='-D warnings' "$cargo" doc --no-deps --locked
    summarize
}

say_skipped() { # what and why
    echo "SKIPPED, NOT TESTED: $1" | tee -a "$log" >&2
}

summarize() {
    echo
    # cargo names each program of tests before its result.
    awk '/Running unittests/ { kind = "unit" }
        /Running tests\/session/ { kind = "session" }
        /Doc-tests/ { kind = "documentation" }
        /^test result: ok/ { passed[kind] += $4 }
        END {
            printf "PASSED: format, lint, documentation, %d unit tests, %d session tests.\n", passed["unit"], passed["session"]
        }' "$log"
    grep -o 'SKIPPED, NOT TESTED: .*' "$log" | sort -u || echo "Nothing was left out."
}

main
