#!/bin/bash
# `make demo`: builds the plugin and shows real runs, on loopback and in a temporary folder, which is removed at the end.
# Ends with 1 if a run's exit code is not the one that it should be.
#
#   tests/demo.sh              against a private Dovecot if one is installed, else against the scripted server of the
#                              tests (examples/scripted.rs)
#   tests/demo.sh stop DIR     ends a server that KEEP=1 kept, and removes its folder
#
# DOVECOT=1 installs Dovecot if it is missing, DOVECOT=0 uses the scripted server in any case. KEEP=1 keeps the server,
# and shows each command as it works from any folder.
set -euo pipefail

tests=$(cd "$(dirname "$0")" && pwd)
cd "$tests/.."
target=${CARGO_TARGET_DIR:-target}
status=0

main() {
    if [ "${1-}" = stop ]; then
        grep -qs '^IMAPS_PORT=' "${2-}/env" || die "${2-}: the demo keeps no server there"
        stop "$2"
        return
    fi
    local server=scripted
    if [ "${DOVECOT:-0}" = 1 ] || { [ -z "${DOVECOT-}" ] && "$tests/install-needs.sh" has dovecot-imapd; }; then
        server=dovecot
    fi
    case $server in
        dovecot) echo "The demo runs against a private Dovecot on loopback." ;;
        scripted)
            echo "The demo runs against a scripted IMAP server with TLS on loopback ('make demo DOVECOT=1' installs and uses Dovecot)."
            ;;
    esac
    build "$server"
    folder=$(mktemp -d)
    trap 'stop "$folder"' EXIT
    "start_$server"
    # shellcheck disable=SC1091  # it was made just now
    . "$folder/env"
    cd "$folder"
    echo "not the password" >wrong
    show_runs
    say_how_to_go_on
    return $status
}

build() { # server
    case $1 in
        dovecot) "$tests/install-needs.sh" build dovecot ;;
        scripted) "$tests/install-needs.sh" build ;;
    esac
    "${CARGO:-cargo}" build --release --locked
    [ "$1" = dovecot ] || "${CARGO:-cargo}" build --release --locked --example scripted
    target=$(cd "$target/release" && pwd)
}

start_dovecot() {
    "$tests/dovecot.sh" start "$folder"
}

start_scripted() {
    local wait
    # In a session of its own, so that it outlives this terminal if it is kept.
    setsid "$target/examples/scripted" "$folder" </dev/null >"$folder/log" 2>&1 &
    for wait in {1..200}; do
        [ -e "$folder/env" ] && return
        kill -0 $! 2>/dev/null || break
        sleep 0.05
    done
    cat "$folder/log" >&2
    kill $! 2>/dev/null || true
    die "the scripted server does not start (looked $wait times)"
}

stop() { # folder
    if [ -f "$1/dovecot.conf" ]; then
        "$tests/dovecot.sh" stop "$1"
    elif [ -f "$1/env" ]; then
        kill "$(sed -n 's/^PID=//p' "$1/env")" 2>/dev/null || true
    fi
    rm -rf "$1"
}

show_runs() {
    local plugin=check_imap_session files=
    PATH=$target:$PATH
    if [ "${KEEP:-0}" != 0 ]; then
        plugin=$target/$plugin
        files=$folder/
    fi
    local account="-u ordinary --password-file ${files}passwords/ordinary" port="-p $IMAPS_PORT --ca-file ${files}ca.pem"
    local server="-H localhost $port"

    show 0 "All is well" "$plugin $server $account -m INBOX -m Archive -m Entwürfe"
    show 0 "The same for a person at a terminal" "$plugin $server $account -m INBOX -m Archive -m Entwürfe -o timeline"
    show 0 "Counts, the age of mail, a search, the number of mailboxes" \
        "$plugin $server $account -O status:INBOX -O age:INBOX -O 'search:INBOX?SUBJECT message UNSEEN' -O list"
    show 0 "A write test, with a line per phase" "$plugin $server $account -O append:INBOX -v"
    show 2 "A wrong password" "$plugin $server -u ordinary --password-file ${files}wrong"
    show 2 "A missing mailbox beside a good one" "$plugin $server $account -m INBOX -m Nowhere"
    show 2 "An expired certificate" "$plugin -H 127.0.0.2 $port $account"
    show 2 "A server that accepts and then says nothing" \
        "$plugin -H localhost -p $SILENT_PORT --tls none $account -t 2 -o timeline"
}

show() { # the exit code that it should have, what it is, the command line
    local code=0
    printf '\n# %s\n$ %s\n' "$2" "$3"
    bash -c "$3" || code=$?
    printf 'exit code %s\n' "$code"
    [ "$code" = "$1" ] || { echo "$0: the exit code should have been $1" >&2; status=1; }
}

say_how_to_go_on() {
    if [ "${KEEP:-0}" != 0 ]; then
        trap - EXIT
        printf '\n# The server is kept: paste any command from above. This ends it and removes its folder:\n%s stop %s\n' \
            "$tests/demo.sh" "$folder"
    fi
    printf "\n# Your own server: fill in HOST, USER and FILE (the account's password is the first line of FILE).\n"
    printf '%s -H HOST -u USER --password-file FILE -o timeline\n' "$target/check_imap_session"
}

die() {
    echo "$0: $*" >&2
    exit 1
}

main "$@"
