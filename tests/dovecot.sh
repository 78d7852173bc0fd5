#!/bin/bash
# A private Dovecot on loopback for the tests and the demo: own configuration, CA, users and mail, all of it inside
# one folder. No system service is touched, root is not needed. DIR/env lists what it serves, as KEY=VALUE lines.
#
#   tests/dovecot.sh start DIR    make everything in DIR (new or empty), start, return when it answers
#   tests/dovecot.sh stop DIR     end it; DIR stays
#   tests/dovecot.sh serve DIR    start, print DIR/env and "READY", stop and remove DIR once standard input ends
#
# One port per TLS mode. Each address is a server of another kind:
#   127.0.0.1, ::1   all as it should be; logins in clear are allowed
#   127.0.0.2        certificate expired three days ago
#   127.0.0.3        certificate for other.example.net
#   127.0.0.4        certificate valid from the day after tomorrow
#   127.0.0.5        certificate ends in five days
#   127.0.0.6        self-signed certificate
#   127.0.0.7        implicit TLS up to TLS 1.1 only
#   127.0.0.8        LOGINDISABLED while in clear
#   127.0.0.9        implicit TLS up to TLS 1.2 only
#   127.0.0.10       neither LITERAL+ nor ESEARCH
#   127.0.0.12       logins only with a client certificate: client.pem (with its key) is good, foreign.pem is not
# and SILENT_PORT on 127.0.0.1 accepts and then says nothing. PROXIED_IMAP_PORT and PROXIED_IMAPS_PORT say nothing before the
# header of a proxy (PROXY protocol).
#
# With INTROSPECTION_URL in the environment, Dovecot asks there about each access token (RFC 7662). The server there has a
# certificate by the CA of DIR. Without it Dovecot checks the tokens in DIR/tokens by itself.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
umask 022

main() {
    case "${1-} ${2-}" in
        "start "?*) start "$2" ;;
        "stop "?*) stop "$2" ;;
        "serve "?*) serve "$2" ;;
        *) die "usage: $0 start|stop|serve DIR" ;;
    esac
}

start() {
    require dovecot dovecot-imapd
    require openssl openssl
    mkdir -p "$1"
    dir=$(cd "$1" && pwd)
    # Dovecot's sockets live below DIR, and a socket's path is at most 107 bytes long.
    [ ${#dir} -le 70 ] || die "$dir: too long a path for Dovecot's sockets, use one of at most 70 bytes"

    # It stands unquoted in configuration files, where each program has its own rules of quoting.
    [[ $dir =~ ^[A-Za-z0-9/._-]+$ ]] || die "$dir: use a folder with only letters, digits and / . _ - in its path"

    if [ "$(id -u)" = 0 ]; then
        # Dovecot refuses mail that belongs to root.
        mail_user=nobody
        chmod 711 "$dir"
        setpriv --reuid="$mail_user" --clear-groups test -x "$dir" ||
            die "$dir: the user $mail_user, who is to own the mail, cannot reach it, use a folder below /tmp"
    else
        mail_user=$(id -un)
    fi
    make_certificates
    make_users
    make_tokens
    make_mail
    make_login_up_to TLSv1.1
    make_login_up_to TLSv1.2

    local try
    for try in 1 2 3 4 5 6 7 8 9 10; do
        # Below the ephemeral range; a port that someone else has makes Dovecot refuse to start, and we draw again.
        imap_port=$((20000 + RANDOM % 2400 * 5))
        imaps_port=$((imap_port + 1))
        silent_port=$((imap_port + 2))
        proxied_imap_port=$((imap_port + 3))
        proxied_imaps_port=$((imap_port + 4))
        configure
        if dovecot -c "$dir/dovecot.conf" >"$dir/start.log" 2>&1; then
            wait_for_greeting
            index_mail
            tell >"$dir/env"
            return
        fi
        grep -q "already in use" "$dir/start.log" || break
    done
    cat "$dir/start.log" >&2
    die "dovecot does not start (try $try)"
}

stop() {
    local pid wait
    [ -f "$1/run/master.pid" ] || return 0
    pid=$(cat "$1/run/master.pid")
    kill -TERM "$pid" 2>/dev/null || return 0
    for wait in {1..100}; do
        # Empty once it has ended, also if nobody collects the ended process, as in many containers.
        [ -n "$(tr -d '\0' 2>/dev/null <"/proc/$pid/cmdline")" ] || return 0
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || return 0
    echo "$0: dovecot was still there $wait times and had to be killed" >&2
}

serve() {
    served=$1
    trap 'stop "$served"; rm -rf "$served"' EXIT
    start "$served"
    # However our reader ends, its end of the pipe closes; a Ctrl-C that was meant for it must not stop the cleaning up.
    trap '' INT TERM HUP PIPE
    cat "$served/env"
    echo READY
    while read -r _; do :; done
}

tell() {
    cat <<END
DIR=$dir
PID=$(cat "$dir/run/master.pid")
IMAP_PORT=$imap_port
IMAPS_PORT=$imaps_port
SILENT_PORT=$silent_port
PROXIED_IMAP_PORT=$proxied_imap_port
PROXIED_IMAPS_PORT=$proxied_imaps_port
IPV6=$(have_ipv6 && echo yes || echo no)
CA_FILE=$dir/ca.pem
PASSWORDS=$dir/passwords
TOKENS=$dir/tokens
MAIL=$dir/mail
LOG=$dir/log
END
}

# One key for all: what the tests look at is in the certificates.
make_certificates() {
    cd "$dir"
    openssl ecparam -name prime256v1 -genkey -noout -out key.pem 2>/dev/null
    openssl req -new -x509 -key key.pem -subj "/CN=Fixture CA" -days 3650 -out ca.pem
    openssl req -new -key key.pem -subj "/CN=to be set" -out request.pem
    : >index
    cat >ca.conf <<END
[ca]
default_ca = fixture
[fixture]
database = $dir/index
new_certs_dir = $dir
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
END
    local good="DNS:localhost,DNS:imap.example.org,IP:127.0.0.1,IP:::1,IP:127.0.0.2,IP:127.0.0.4,IP:127.0.0.5,IP:127.0.0.7,IP:127.0.0.8,IP:127.0.0.9,IP:127.0.0.12"
    certify good imap.example.org "$good" "-1 day" "+1 year"
    certify expired imap.example.org "$good" "-90 days" "-3 days"
    certify other other.example.net "DNS:other.example.net" "-1 day" "+1 year"
    certify future imap.example.org "$good" "+2 days" "+1 year"
    certify ending imap.example.org "$good" "-90 days" "+5 days"
    openssl req -new -x509 -key key.pem -subj "/CN=imap.example.org" -addext "subjectAltName=$good,IP:127.0.0.6" -days 30 -out selfsigned.pem
    certify client ordinary "email:ordinary@example.org" "-1 day" "+1 year"
    openssl req -new -x509 -key key.pem -subj "/CN=ordinary" -days 30 -out foreign.pem
    cat key.pem | tee -a client.pem >>foreign.pem
    chmod 644 key.pem
    cd - >/dev/null
}

certify() { # file, common name, alternative names, from, until
    echo "subjectAltName=$3" >extensions
    openssl ca -batch -notext -config ca.conf -cert ca.pem -keyfile key.pem -in request.pem -subj "/CN=$2" -extfile extensions \
        -startdate "$(date -u -d "$4" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$5" +%Y%m%d%H%M%SZ)" -out "$1.pem" 2>certify.log ||
        die "openssl ca: $(cat certify.log)"
}

make_users() {
    mkdir -p "$dir/passwords"
    : >"$dir/users"
    echo "127.0.0.12:::::::" >"$dir/denied"
    user ordinary 'Plain-Sailing-4711'
    user space 'two  words and a space '
    user quote 'say "please" "'
    user backslash 'back\slash\\'
    user nonascii 'pä$$ wörd €'
    user reader 'Only-Looking-0815'
    # Tests make mailboxes of this one.
    user writer 'Ink-And-Paper-1623'
    # The others have no quota root at all.
    user limited 'Half-A-Glass-0050' "userdb_quota=count:Mail userdb_quota_rule=*:storage=64K:messages=30"
    user two-roots 'One-Or-The-Other-2' "userdb_quota=count:Mail userdb_quota_rule=*:storage=64K:messages=10
        userdb_quota2=count:Shared userdb_quota2_rule=*:storage=16K:messages=1000"
    user full 'Not-One-More-0333' "userdb_quota=count:Mail userdb_quota_rule=*:messages=3"
    user unlimited 'As-Far-As-I-See-9' "userdb_quota=count:Mail"
}

user() { # name, password, settings of this user alone
    printf '%s\n' "$2" >"$dir/passwords/$1"
    printf '%s:{PLAIN.b64}%s::::::%s\n' "$1" "$(printf %s "$2" | base64)" "$(echo ${3-})" >>"$dir/users"
}

# Access tokens that Dovecot checks by itself: a JSON Web Token (RFC 7519) with HS256.
make_tokens() {
    local now
    now=$(date +%s)
    mkdir -p "$dir/tokens" "$dir/token-keys/default/HS256"
    token_key=$(head -c 32 /dev/urandom | base64 -w 0)
    printf %s "$token_key" >"$dir/token-keys/default/HS256/default"
    if [ -n "${INTROSPECTION_URL-}" ]; then
        cat >"$dir/oauth2.conf" <<END
introspection_mode = post
introspection_url = $INTROSPECTION_URL
tls_ca_cert_file = $dir/ca.pem
username_attribute = username
active_attribute = active
active_value = true
scope = mail
END
    else
        cat >"$dir/oauth2.conf" <<END
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=$dir/token-keys/
username_attribute = sub
END
    fi
    token ordinary ordinary "$now" $((now + 86400))
    token expired ordinary $((now - 7200)) $((now - 3600))
}

token() { # name, user, from, until
    local head body
    head=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url)
    body=$(printf '{"sub":"%s","iat":%d,"nbf":%d,"exp":%d}' "$2" "$3" "$3" "$4" | base64url)
    printf '%s.%s.%s\n' "$head" "$body" "$(printf '%s.%s' "$head" "$body" |
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(base64 -d <<<"$token_key" | od -An -vtx1 | tr -d ' \n')" -binary | base64url)" >"$dir/tokens/$1"
}

base64url() {
    base64 -w 0 | tr '+/' '-_' | tr -d '='
}

make_mail() {
    local user
    for user in space quote backslash nonascii; do
        maildir "$user" "" 1
    done
    for user in writer limited two-roots full unlimited; do
        maildir "$user" "" 3
    done
    # No message may be put into the one, none may be taken out of the other.
    maildir writer .Shelf 1
    echo "owner lrwste" >"$dir/mail/writer/.Shelf/dovecot-acl"
    maildir writer .Stack 1
    echo "owner lrwsi" >"$dir/mail/writer/.Stack/dovecot-acl"
    maildir reader "" 3
    maildir ordinary "" 2
    maildir ordinary .Archive 5
    maildir ordinary ".Entw&APw-rfe" 4
    maildir ordinary ".Projects.2026.Summer" 1
    maildir ordinary ".Sent Items" 1
    maildir ordinary .Empty 0
    maildir ordinary .Large 3000
    maildir ordinary .Denied 1
    # Listed, but not readable: what SELECT answers to it is NO [NOPERM].
    echo "owner l" >"$dir/mail/ordinary/.Denied/dovecot-acl"
    [ "$(id -u)" != 0 ] || chown -R "$mail_user:$(id -gn "$mail_user")" "$dir/mail"
}

maildir() { # user, folder as Maildir++ writes it, how many messages
    local folder=$dir/mail/$1/$2 number
    mkdir -p "$folder/cur" "$folder/new" "$folder/tmp"
    for ((number = 1; number <= $3; number++)); do
        printf 'From: sender@example.org\nSubject: message %d\n\nHello.\n' "$number" >"$folder/new/1700000000.M$number.fixture"
    done
}

# Dovecot has no setting for the highest TLS version, OpenSSL has.
make_login_up_to() { # TLS version
    cat >"$dir/$1.cnf" <<END
openssl_conf = modules
[modules]
ssl_conf = ssl
[ssl]
system_default = limited
[limited]
MinProtocol = TLSv1
MaxProtocol = $1
CipherString = ALL:@SECLEVEL=0
END
    cat >"$dir/$1-login" <<END
#!/bin/sh
OPENSSL_CONF=$dir/$1.cnf exec $(doveconf -h -c /dev/null libexec_dir)/imap-login "\$@"
END
    chmod 755 "$dir/$1-login"
}

configure() {
    local addresses="127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.6 127.0.0.8 127.0.0.10 127.0.0.12"
    have_ipv6 && addresses="$addresses ::1"
    cat >"$dir/dovecot.conf" <<END
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/log
instance_name = check_imap_session-$imap_port
protocols = imap
listen = $addresses
$(internal_users)
auth_failure_delay = 0
auth_ssl_username_from_cert = yes
auth_mechanisms = plain login scram-sha-1 scram-sha-256 xoauth2 oauthbearer external
# Hundreds of tests come from one address.
mail_max_userip_connections = 0
disable_plaintext_auth = no

ssl = yes
ssl_cert = <$dir/good.pem
ssl_key = <$dir/key.pem
local 127.0.0.2 {
  ssl_cert = <$dir/expired.pem
}
local 127.0.0.3 {
  ssl_cert = <$dir/other.pem
}
local 127.0.0.4 {
  ssl_cert = <$dir/future.pem
}
local 127.0.0.5 {
  ssl_cert = <$dir/ending.pem
}
local 127.0.0.6 {
  ssl_cert = <$dir/selfsigned.pem
}
local 127.0.0.7 {
  ssl_min_protocol = TLSv1
  ssl_cipher_list = ALL:@SECLEVEL=0
}
local 127.0.0.8 {
  disable_plaintext_auth = yes
}
local 127.0.0.10 {
  imap_capability = IMAP4rev1 IDLE UIDPLUS QUOTA
}
local 127.0.0.12 {
  ssl_ca = <$dir/ca.pem
  ssl_require_crl = no
  ssl_verify_client_cert = yes
}

# auth_ssl_require_client_cert is one setting for all addresses. So "127.0.0.12" is denied; of a client with a good
# certificate the name is "127.0.0.12valid".
passdb {
  driver = passwd-file
  args = username_format=%l%k $dir/denied
  deny = yes
}
# EXTERNAL: the certificate has the name, and there is no password.
passdb {
  driver = static
  mechanisms = external
  args = nopassword=y
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $dir/oauth2.conf
}
passdb {
  driver = passwd-file
  mechanisms = plain login scram-sha-1 scram-sha-256
  args = $dir/users
}
userdb {
  driver = passwd-file
  args = $dir/users
  override_fields = uid=$(id -u "$mail_user") gid=$(id -g "$mail_user") home=$dir/mail/%u
}
first_valid_uid = 1
mail_location = maildir:~
mail_fsync = never
mail_plugins = acl quota
protocol imap {
  mail_plugins = acl quota imap_quota
}
plugin {
  acl = vfile
  quota_vsizes = yes
}
namespace {
  inbox = yes
  separator = /
}

service imap-login {
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = $imap_port
  }
  inet_listener imaps {
    port = $imaps_port
  }
  # A server that says nothing: it waits for the header that only a proxy sends.
  inet_listener silent {
    address = 127.0.0.1
    port = $silent_port
    haproxy = yes
  }
  inet_listener proxied-imap {
    port = $proxied_imap_port
    haproxy = yes
  }
  inet_listener proxied-imaps {
    port = $proxied_imaps_port
    haproxy = yes
    ssl = yes
  }
}
haproxy_trusted_networks = 127.0.0.0/8 ::1
haproxy_timeout = 1 hours
service imap {
  service_count = 1000
  process_limit = 300
  process_min_avail = 2
}
$(login_up_to TLSv1.1 127.0.0.7)
$(login_up_to TLSv1.2 127.0.0.9)
# Failed logins slow down the next ones from the same address unless this socket is missing.
service anvil {
  chroot = $(chroot empty)
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
END
}

login_up_to() { # TLS version, address
    cat <<END
service imap-login-$1 {
  executable = $dir/$1-login
  protocol = imap
  type = login
  chroot = $(chroot login)
  user = \$default_login_user
  inet_listener imaps {
    address = $2
    port = $imaps_port
    ssl = yes
  }
}
END
}

# Dovecot as an ordinary user is that user throughout and cannot chroot.
internal_users() {
    [ "$(id -u)" != 0 ] || return 0
    cat <<END
default_internal_user = $mail_user
default_login_user = $mail_user
default_internal_group = $(id -gn)
service imap-login {
  chroot =
}
END
}

chroot() { # folder below base_dir
    [ "$(id -u)" != 0 ] || echo "$1"
}

have_ipv6() {
    grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 2>/dev/null
}

wait_for_greeting() {
    local wait line
    for wait in {1..200}; do
        if exec 3<>"/dev/tcp/127.0.0.1/$imap_port"; then
            if read -r -t 10 line <&3 && [[ $line == "* OK"* ]]; then
                exec 3>&-
                return
            fi
            exec 3>&-
        fi 2>/dev/null
        sleep 0.05
    done
    stop "$dir"
    cat "$dir/log" >&2
    die "dovecot started but does not answer on port $imap_port (tried $wait times)"
}

# While one process makes the index of a mailbox that has none yet, STATUS in another one says that it is empty.
index_mail() {
    doveadm -c "$dir/dovecot.conf" mailbox status -A messages '*' >"$dir/index.log" 2>&1 || {
        cat "$dir/index.log" >&2
        die "doveadm cannot look into every mailbox"
    }
}

require() { # program, Debian package
    command -v "$1" >/dev/null || die "$1 is not installed, on Debian: apt-get install $2"
}

die() {
    echo "$0: $*" >&2
    exit 1
}

main "$@"
