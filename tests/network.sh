#!/bin/bash
# The plugin in networks that are dead or bad for real: black holes, dead name servers, loss and delay, all of it inside
# network, mount and process namespaces of its own, which take everything with them when they end.
#
#   tests/network.sh BINARY     exit 0: all as it should be, 1: not, 77: this machine cannot do it (it says why)
#
# Root is not needed if the system allows user namespaces and /dev/net/tun. Loss and delay come from a TUN device and
# the program in link(), as many kernels lack `tc netem`.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(dirname "$(readlink -f "$0")")

main() {
    [ $# = 1 ] || fail "usage: $0 BINARY"
    binary=$(readlink -f "$1")
    [ -x "$binary" ] || fail "$1 is no program"
    command -v ip >/dev/null || skip "ip is not installed, on Debian: apt-get install iproute2"
    "$here/install-needs.sh" has dovecot-imapd || skip "Dovecot is not installed, on Debian: apt-get install dovecot-imapd"
    [ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun is not there, or not for this user"
    local namespaces=(unshare --mount --net --pid --fork --kill-child --mount-proc)
    if [ "$(id -u)" != 0 ]; then
        # Not as root inside: Dovecot would want to change to other users, whom such a namespace does not have.
        namespaces+=(--user --map-current-user --keep-caps)
    fi
    "${namespaces[@]}" true 2>/dev/null || skip "no namespaces for this user"
    dir=$(mktemp -d /tmp/network.XXXXXX)
    trap 'rm -rf "$dir"' EXIT
    export binary dir here
    export -f cases row settle prepare name_server silent_name_server link patiently fail
    "${namespaces[@]}" bash -euo pipefail -c 'prepare; cases'
}

cases() {
    local good="--ca-file $dir/dovecot/ca.pem --tls-name localhost"
    row 'a good link' 8 0 'IMAP is OK' "-H 10.9.0.2 $good"
    row '100 ms each way' 8 0 'IMAP is OK' "-H 10.9.0.3 $good"
    row '100 ms each way, short limit' 0.5 2 '(connect|tls|greeting|login) timed out' "-H 10.9.0.3 $good"
    row 'black hole' 2 2 'connect timed out after .*total limit 2 s' "-H 10.9.0.66 $good"
    row 'black hole, own limit' 5 2 'connect timed out after 1.000 s .its limit 1 s' "-H 10.9.0.66 --limit connect=1 $good"
    row 'black hole, IPv6' 2 2 'connect timed out' "-H fd09::66 $good"
    # The next address is tried after 250 ms.
    local second="IMAP is OK.*[| ]connect=(0[.][2-9]|[1-4][.])"
    row 'black hole first, then a good one' 5 0 "$second" "-H hole-and-good.test $good"
    row 'IPv6 black hole first, then a good one' 5 0 "$second" "-H six-and-good.test $good"
    row 'the same, every address' 3 2 'connect timed out' "-H hole-and-good.test --every-address $good"
    row 'no route' 5 2 'connect failed: .*([Uu]nreachable|[Nn]o route)' "-H 10.9.9.9 $good"
    row 'goes dead after 8 packets' 2 2 '(tls|greeting|login|select INBOX) timed out' "-H 10.9.0.5 $good"
    row 'goes dead after 18 packets' 2 '[12]' '(login|select [A-Za-z]+) timed out' "-H 10.9.0.6 -m INBOX -m Archive -m Large $good"
    # Some of these get through in time, and some do not.
    local try
    for try in 1 2 3 4; do
        row "30 % loss, 100 ms each way ($try)" 8 '[012]' 'IMAP is OK|timed out after' "-H 10.9.0.4 $good"
        row "10 % loss, 100 ms each way ($try)" 8 '[012]' 'IMAP is OK|timed out after' "-H 10.9.0.7 $good"
    done
    settle

    name_server 10.9.0.53
    row 'dead nameserver' 2 2 'resolve timed out after .*total limit 2 s' "-H imap.test $good"
    row 'dead nameserver, own limit' 5 2 'resolve timed out after 1.000 s .its limit 1 s' "-H imap.test --limit resolve=1 $good"
    row 'dead nameserver, every address' 2 2 'resolve timed out' "-H imap.test --every-address $good"
    row 'dead nameserver, an address is given' 5 0 'IMAP is OK' "-H 10.9.0.2 $good"
    settle
    name_server 127.0.0.1
    row 'no nameserver on its port' 5 2 'resolve failed: ' "-H imap.test $good"
    settle
    silent_name_server &
    sleep 0.3
    row 'nameserver takes and never answers' 2 2 'resolve timed out after .*total limit 2 s' "-H imap.test $good"
    wait $!

    cat "$dir"/rows/*
    ! grep -l WRONG "$dir"/rows/* >/dev/null || fail "rows marked WRONG are not as they should be"
}

# One run beside the others: what is tried, limit, exit code and first line as they have to be (patterns), options.
row() {
    rows=$((${rows-100} + 1))
    printf -v file '%s/rows/%d' "$dir" "$rows"
    {
        local begun=$EPOCHREALTIME output code=0 took late verdict=ok
        # shellcheck disable=SC2086  # options, each a word
        output=$(IMAP_SESSION_PASSWORD=Plain-Sailing-4711 "$binary" -u ordinary -t "$2" -p "$port" $5 2>&1) || code=$?
        took=$((${EPOCHREALTIME/[.,]/} - ${begun/[.,]/}))
        late=$(awk "BEGIN { print ($took / 1e6 > $2 + 2) }")
        output=${output%%$'\n'*}
        if [[ $late = 1 || ! $code =~ ^$3$ || ! $output =~ $4 ]]; then
            verdict=WRONG
        fi
        printf '%-5s %-38s limit %3s s  took %d.%03d s  %s\n' \
            "$verdict" "$1" "$2" $((took / 1000000)) $((took / 1000 % 1000)) "${output%%|*}" >"$file"
    } &
    running+=($!)
    # Their starts are not to be in each other's way.
    sleep 0.1
}

settle() {
    wait "${running[@]}"
    running=()
}

# The link and what is behind it: every address of 10.9.0.0/24 is this machine again, over a link of its own kind.
prepare() {
    mount --make-rprivate /
    mkdir "$dir/rows"
    chmod 711 "$dir"
    ip link set lo up
    link &
    patiently ip link set tun9 up
    ip address add 10.9.0.1/24 dev tun9
    ip -6 address add fd09::1/64 dev tun9 nodad 2>/dev/null || echo "no IPv6 here"
    ip route add unreachable 10.9.9.0/24

    # Dovecot asks for this machine's name at its start, which must not wait for a dead nameserver.
    cat >"$dir/hosts" <<END
127.0.0.1 localhost $(uname -n)
10.9.0.66 hole-and-good.test
10.9.0.67 hole-and-good.test
fd09::66 six-and-good.test
10.9.0.67 six-and-good.test
END
    echo 'hosts: files dns' >"$dir/nsswitch"
    mount --bind "$dir/hosts" /etc/hosts
    mount --bind "$dir/nsswitch" /etc/nsswitch.conf
    name_server 10.9.0.53

    "$here/dovecot.sh" start "$dir/dovecot"
    sed -i 's/^listen = /&10.9.0.1, /' "$dir/dovecot/dovecot.conf"
    dovecot -c "$dir/dovecot/dovecot.conf" reload
    port=$(sed -n 's/^IMAPS_PORT=//p' "$dir/dovecot/env")
    patiently eval 'exec 3<>"/dev/tcp/10.9.0.1/$port"'
}

patiently() { # a command that fails until something is there
    local wait
    for wait in {1..200}; do
        ("$@") 2>/dev/null && return
        sleep 0.05
    done
    fail "$* failed $wait times"
}

name_server() {
    echo "nameserver $1" >"$dir/resolv"
    # Not the link that /etc/resolv.conf may be.
    mount --bind "$dir/resolv" "$(readlink -f /etc/resolv.conf)"
}

silent_name_server() {
    exec perl -MSocket -e 'socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; bind($s, sockaddr_in(53, INADDR_LOOPBACK)) or die $!; sleep 4'
}

# Sends every packet back with its two addresses changed for each other, so that one kernel is both ends. The last byte of the
# address says how: after a delay, with losses, no more after some packets, and never for all others.
link() {
    exec perl -e '
        use POSIX ();
        my %delay = (2 => 0, 3 => 0.1, 4 => 0.1, 5 => 0, 6 => 0, 7 => 0.1, 67 => 0);
        my %loss = (4 => 0.3, 7 => 0.1);
        my %left = (5 => 8, 6 => 18);
        srand(9);
        open(my $tun, "+<", "/dev/net/tun") or die "tun: $!";
        # TUNSETIFF with IFF_TUN and IFF_NO_PI: IP packets, nothing before them.
        my $request = pack("a16 s x22", "tun9", 0x1001);
        ioctl($tun, 0x400454ca, $request) or die "tun9: $!";
        my @queue;
        while (1) {
            my $now = (POSIX::times())[0] / POSIX::sysconf(POSIX::_SC_CLK_TCK());
            while (@queue && $queue[0][0] <= $now) { syswrite($tun, (shift @queue)->[1]) }
            my $ready = "";
            vec($ready, fileno($tun), 1) = 1;
            select($ready, undef, undef, @queue ? 0.005 : undef) or next;
            sysread($tun, my $packet, 65536);
            next if ord($packet) >> 4 != 4;
            my ($from, $to) = unpack("x12 a4 a4", $packet);
            my ($kind) = grep { exists $delay{$_} } map { ord(substr($_, 3)) } $from, $to;
            next if !defined $kind || rand() < ($loss{$kind} // 0) || exists $left{$kind} && $left{$kind}-- <= 0;
            substr($packet, 12, 8) = $to . $from;
            @queue = sort { $a->[0] <=> $b->[0] } @queue, [$now + $delay{$kind}, $packet];
        }'
}

skip() {
    echo "SKIPPED: $0: $*"
    exit 77
}

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

main "$@"
