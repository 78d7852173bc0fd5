#!/bin/sh
# Installs the Debian packages that are missing, and says before which these are and what they are for; does nothing if
# all are there. No service that comes with a package is started: the tests start instances of their own.
#
#   tests/install-needs.sh [SET ...]    default: build test
#     build       what the build needs
#     portable    what the build with AWS-LC needs on top
#     dovecot     the private Dovecot of tests and demo
#     test        what the tests need, that Dovecot included
#     consumers   the schedulers, Prometheus, Node.js, man and shells of `make test-consumers`
#     cluster     Icinga 2 alone, for `make test-cluster` and `make bench-cluster`
#     director    Icinga Director with its database, for the slow part of it
#     zabbix      Zabbix agents, and a Zabbix server with its frontend and database, for another slow part
#     package     what `make deb` needs
#     zig         what `make portable` needs to take zig from PyPI
#     debootstrap makes the older Debian of `make test-portable-package`
#     rpm         what `make rpm` needs, and what its test judges the package by
#     bench       what `make bench` and `make exactness` compare with and measure by
#   tests/install-needs.sh has PACKAGE    ends with 0 if it is there
#
# With NO_INSTALL=1 nothing is installed. It ends with 1 if something is missing, unless only tests need it that
# tests/run.sh leaves out.
set -eu
PATH=$PATH:/usr/sbin:/sbin

main() {
    if [ "${1-}" = has ]; then
        has "$2"
        return
    fi
    [ $# -gt 0 ] || set -- build test
    missing=
    for set in "$@"; do
        packages=$(list_packages "$set")
        for package in $packages; do
            case " $missing " in *" $package "*) continue ;; esac
            has "$package" || missing="$missing $package"
        done
    done
    [ -n "$missing" ] || return 0
    echo "Missing here, by the names of their Debian packages:"
    for package in $missing; do
        echo "  $package: $(say_purpose "$package")"
    done
    if [ "${NO_INSTALL:-0}" != 0 ]; then
        refuse
    else
        install
    fi
}

list_packages() { # SET
    case $1 in
        build) echo gcc libc6-dev pkg-config libssl-dev ;;
        portable) echo g++ cmake libclang1-14 libclang-common-14-dev ;;
        dovecot) echo openssl dovecot-imapd ;;
        test) echo openssl dovecot-imapd procps iproute2 valgrind ;;
        consumers)
            echo curl icinga2-bin icinga2-common nagios4-core nagios-nrpe-server nagios-nrpe-plugin \
                monit collectd-core python3 python3-yaml prometheus prometheus-node-exporter systemd man-db zsh \
                bash-completion nodejs npm
            ;;
        cluster) echo curl icinga2-bin icinga2-common ;;
        director) echo curl icinga2-bin icinga2-common mariadb-server icingacli icingaweb2-module-director php-mysql ;;
        zabbix)
            echo curl mariadb-server php-cli php-mysql zabbix-agent zabbix-agent2 zabbix-frontend-php zabbix-server-mysql
            ;;
        package) echo build-essential debhelper lintian ;;
        zig) echo python3-venv ;;
        debootstrap) echo debootstrap ;;
        rpm) echo rpm rpmlint ;;
        bench)
            echo curl valgrind strace time tcpdump python3 ca-certificates monitoring-plugins-basic \
                monitoring-plugins-contrib libmail-imapclient-perl libio-socket-ssl-perl
            ;;
        *) echo "$1 is no set of packages, see the head of $0" >&2 && exit 1 ;;
    esac
}

# What build, tests and demo need, and Node.js, counts on any system, wherever it comes from.
has() { # PACKAGE
    case $1 in
        gcc) command -v cc ;;
        libc6-dev) echo '#include <stdio.h>' | cc -E - ;;
        pkg-config) command -v pkg-config ;;
        libssl-dev) pkg-config --atleast-version=3 openssl ;;
        g++) command -v c++ ;;
        cmake) command -v cmake ;;
        # A compiler of another version will do as well.
        libclang1-14) has_library libclang ;;
        libclang-common-14-dev) ls /usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h | grep -q . ;;
        openssl) command -v openssl ;;
        dovecot-imapd) test -x "$(doveconf -h -c /dev/null libexec_dir)/imap" ;;
        procps) command -v ps ;;
        iproute2) command -v ip ;;
        valgrind) command -v valgrind ;;
        nodejs) command -v node ;;
        npm) command -v npm ;;
        python3-venv) python3 -c 'import ensurepip, venv' ;;
        rpm) command -v rpmbuild ;;
        rpmlint) command -v rpmlint ;;
        *) dpkg-query -W -f '${Status}' "$1" | grep -q 'ok installed' ;;
    esac >/dev/null 2>&1
}

has_library() { # NAME
    ldconfig -p | grep -q "$1[-.][0-9]"
}

say_purpose() { # PACKAGE
    case $1 in
        gcc | libc6-dev) echo "links the program" ;;
        pkg-config | libssl-dev) echo "build with OpenSSL" ;;
        g++ | cmake) echo "builds AWS-LC" ;;
        libclang1-14 | libclang-common-14-dev) echo "reads the headers of AWS-LC" ;;
        openssl) echo "makes the certificates of the private Dovecot" ;;
        dovecot-imapd) echo "the server of many tests, as a private instance on loopback" ;;
        procps | iproute2) echo "tests look at processes and sockets with it" ;;
        valgrind) echo "one test counts instructions with it" ;;
        build-essential | debhelper | lintian) echo "makes and judges the Debian package" ;;
        nodejs | npm) echo "tests run an OAuth server and a compiler, which npm installs into a temporary folder" ;;
        python3-venv) echo "takes zig from PyPI, into a folder of its own" ;;
        debootstrap) echo "makes an older Debian, in which a test runs the portable plugin" ;;
        rpm | rpmlint) echo "makes and judges the RPM package" ;;
        strace | time | tcpdump) echo "measures" ;;
        monit | collectd-core) echo "runs the plugin by its example" ;;
        python3-yaml) echo "reads the example for Sensu" ;;
        *) echo "tests or measurements use it" ;;
    esac
}

refuse() {
    echo "NO_INSTALL=1: nothing is installed."
    for package in $missing; do
        case $package in
            openssl | dovecot-imapd | valgrind | rpmlint | debootstrap) ;;
            *) echo "Without $package this cannot go on." >&2 && return 1 ;;
        esac
    done
}

install() {
    if ! command -v apt-get >/dev/null; then
        echo "This is no Debian: install them by their names here." >&2
        return 1
    fi
    as_root=
    if [ "$(id -u)" != 0 ]; then
        as_root=sudo
        if ! command -v sudo >/dev/null; then
            echo "Only root can install them, and there is no sudo. As root: apt-get install$missing" >&2
            return 1
        fi
    fi
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap '$as_root rm -f "$policy"' EXIT
        # Without this, sh leaves it to keep services from starting for ever, where somebody presses Ctrl-C.
        trap 'exit 130' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod 755 "$policy"
    fi
    echo "Installing them with apt-get (NO_INSTALL=1 would install nothing):$missing"
    $as_root apt-get update -q
    # shellcheck disable=SC2086  # words, each a package
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
}

main "$@"
