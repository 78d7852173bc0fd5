#!/bin/sh
# Installs the Debian packages that are missing for building, tests and demo; does nothing where all are there.
# A service that comes with a package (Dovecot's) is not started: the tests start instances of their own.
set -eu
needs='gcc pkg-config libssl-dev openssl dovecot-imapd'

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
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi
echo "Installing:$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086  # words, each a package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
