#!/bin/bash
# The real runs of `make demo`, against a private Dovecot in a temporary folder, which is stopped and removed at the
# end. Ends with 1 if a run's exit code is not the one that it should be.
#
#   tests/demo.sh [check_imap_session]    default: target/release/check_imap_session
set -euo pipefail

tests=$(cd "$(dirname "$0")" && pwd)
binary=${1:-$tests/../target/release/check_imap_session}
[ -x "$binary" ] || { echo "$0: $binary is not there, build it first: cargo build --release" >&2; exit 1; }
PATH=$(cd "$(dirname "$binary")" && pwd):$PATH

folder=$(mktemp -d)
trap '"$tests/dovecot.sh" stop "$folder"; rm -rf "$folder"' EXIT
"$tests/dovecot.sh" start "$folder"
. "$folder/env"
cd "$folder"
echo "not the password" >wrong

main() {
    local status=0 account="-u ordinary --password-file passwords/ordinary"
    local server="-H localhost -p $IMAPS_PORT --ca-file ca.pem"

    show 0 "All is well" "check_imap_session $server $account -m INBOX -m Archive -m Entwürfe"
    show 0 "The same, with a line per phase" "check_imap_session $server $account -m INBOX -m Archive -m Entwürfe -v"
    show 0 "Counts, the age of mail, a search, the number of mailboxes" \
        "check_imap_session $server $account -O status:INBOX -O age:INBOX -O 'search:INBOX?SUBJECT message UNSEEN' -O list"
    show 0 "A write test" "check_imap_session $server $account -O append:INBOX -v"
    show 2 "A wrong password" "check_imap_session $server -u ordinary --password-file wrong"
    show 2 "A missing mailbox beside a good one" "check_imap_session $server $account -m INBOX -m Nowhere"
    show 2 "An expired certificate" "check_imap_session -H 127.0.0.2 -p $IMAPS_PORT --ca-file ca.pem $account"
    show 2 "A server that accepts and then says nothing" "check_imap_session -H localhost -p $SILENT_PORT --tls none $account -t 2"
    return $status
}

show() { # the exit code that it should have, what it is, the command line
    local code=0
    printf '# %s\n$ %s\n' "$2" "$3"
    bash -c "$3" || code=$?
    printf 'exit code %s\n\n' "$code"
    [ "$code" = "$1" ] || { echo "$0: the exit code should have been $1" >&2; status=1; }
}

main
