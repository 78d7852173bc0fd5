#!/bin/sh
# Installs the Debian packages that are missing; does nothing where all are there. No service that comes with a
# package is started: the tests start instances of their own.
#
#   tests/install-needs.sh [SET ...]    build and tests; and with SET:
#     consumers   Icinga 2, NRPE, Nagios, Prometheus, man and shells for `make test-consumers`
#     director    Icinga Director with its database, for the slow part of it
#     package     what `make deb` needs
#     bench       what `make bench` and `make exactness` compare with and measure by
set -eu

needs='gcc libc6-dev pkg-config libssl-dev openssl dovecot-imapd procps iproute2 valgrind'
for set in "$@"; do
    case $set in
        consumers)
            needs="$needs curl icinga2-bin icinga2-common nagios4-core nagios-nrpe-server nagios-nrpe-plugin"
            needs="$needs prometheus prometheus-node-exporter systemd man-db zsh bash-completion"
            ;;
        director) needs="$needs curl icinga2-bin icinga2-common mariadb-server icingacli icingaweb2-module-director php-mysql" ;;
        package) needs="$needs build-essential debhelper lintian" ;;
        bench)
            needs="$needs curl valgrind strace time tcpdump python3 ca-certificates monitoring-plugins-basic"
            needs="$needs monitoring-plugins-contrib libmail-imapclient-perl libio-socket-ssl-perl"
            ;;
        *) echo "$set is no set of packages, see the head of $0" >&2 && exit 1 ;;
    esac
done

missing=
for package in $needs; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "This is no Debian; needed are what Debian calls:$missing" >&2
    exit 1
fi

as_root=
if [ "$(id -u)" != 0 ]; then
    as_root=sudo
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    # Without this, sh leaves it to keep services from starting for ever, where somebody presses Ctrl-C.
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi
echo "Installing:$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086  # words, each a package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
