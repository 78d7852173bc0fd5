# bash completion for check_imap_session(1), made of the program's tables by `make generated`.
# It needs nothing of the package bash-completion, which only loads it when it is wanted.

_check_imap_session() {
    local options='
        -H --hostname -p --port -4 --ipv4 -6 --ipv6 --every-address --source --proxy-protocol --tls --tls-name
        --ca-file --client-cert --client-key --no-verify --tls-min -u --username --auth --authzid
        --password-file --password-command -m --mailbox -O --operation --examine --oauth-token-url
        --oauth-client-id --oauth-client-secret-file --oauth-scope --oauth-refresh-token-file
        --oauth-service-account --oauth-cache -t --timeout --limit -w --warning -c --critical --on-timeout
        --on-failure --on-alert --on-read-only -o --output --repeat --interval --textfile --exit-ok
        --perfdata-u --no-perfdata -v --verbose --extra-opts -V --version -h --help'
    local phases='
        token= resolve= connect= tls= greeting= starttls= login= select= examine= status= search= age= quota=
        list= append= remove= idle= noop= id= logout='
    local thresholds='
        total= token= resolve= connect= tls= greeting= starttls= login= select= examine= status= search= age=
        quota= list= append= remove= idle= noop= id= logout= tls.cert_days= select.messages= examine.messages=
        status.messages= status.unseen= search.matches= age.oldest= age.newest= quota.storage= quota.messages=
        list.mailboxes= remove.removed= select: examine: status: search: age: quota: list: append: remove:
        idle: select.messages: examine.messages: status.messages: status.unseen: search.matches: age.oldest:
        age.newest: quota.storage: quota.messages: list.mailboxes: remove.removed:'
    local states='ok warning critical unknown'
    local current='' previous='' word line=${COMP_LINE:0:COMP_POINT}

    # bash cuts words at = : and @, here they are put together again: what has no space before it belongs to the word
    # before, as in "--limit select:INBOX=1".
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ $line == [[:space:]]* ]]; then
            previous=$current
            current=
            line=${line#"${line%%[![:space:]]*}"}
        fi
        current+=$word
        line=${line#"$word"}
    done

    # What the option is, and in front of the value what is part of the same word.
    local option=$previous value=$current front=
    if [[ $current == --*=* ]]; then
        option=${current%%=*}
        value=${current#*=}
        front=$option=
    fi
    case $option in
        -H | --hostname | --tls-name) _check_imap_session_offer "$(compgen -A hostname -- "$value")" ;;
        -p | --port) _check_imap_session_offer '993 143' ;;
        --source | -u | --username | --authzid | --password-command | --oauth-token-url | --oauth-client-id | --oauth-scope | -t | --timeout | --repeat | --interval) ;;
        --proxy-protocol) _check_imap_session_offer '1 2' ;;
        --tls) _check_imap_session_offer 'implicit starttls none' ;;
        --ca-file | --client-cert | --client-key | --password-file | --oauth-client-secret-file | --oauth-refresh-token-file | --oauth-service-account | --oauth-cache | --textfile) _check_imap_session_files ;;
        --tls-min) _check_imap_session_offer '1.0 1.1 1.2 1.3' ;;
        --auth) _check_imap_session_offer 'login plain scram-sha-1 scram-sha-256 scram-sha-512 scram-sha-1-plus scram-sha-256-plus scram-sha-512-plus xoauth2 oauthbearer external' ;;
        -m | --mailbox) _check_imap_session_offer INBOX ;;
        -O | --operation)
            if [[ $value == @(search):* ]]; then
                _check_imap_session_cut :
                _check_imap_session_offer 'INBOX\\?'
            elif [[ $value == @(select|examine|status|age|quota|list|append|remove|idle):* ]]; then
                _check_imap_session_cut :
                _check_imap_session_offer INBOX
            else
                _check_imap_session_offer 'select: examine: status: search: age: quota: list: append: remove: idle: quota list noop id'
            fi
            ;;
        --limit)
            if [[ $value == @(search):* ]]; then
                _check_imap_session_cut :
                _check_imap_session_offer 'INBOX\\?'
            elif [[ $value == @(select|examine|status|age|quota|list|append|remove|idle):* ]]; then
                _check_imap_session_cut :
                _check_imap_session_offer INBOX=
            else
                _check_imap_session_offer "$phases select: examine: status: search: age: quota: list: append: remove: idle:"
            fi
            ;;
        -w | --warning | -c | --critical)
            if [[ $value == @(search|search.matches):* ]]; then
                _check_imap_session_cut :
                _check_imap_session_offer 'INBOX\\?'
            elif [[ $value == @(select|examine|status|age|quota|list|append|remove|idle|select.messages|examine.messages|status.messages|status.unseen|age.oldest|age.newest|quota.storage|quota.messages|list.mailboxes|remove.removed):* ]]; then
                _check_imap_session_cut :
                _check_imap_session_offer INBOX=
            else
                _check_imap_session_offer "$thresholds"
            fi
            ;;
        --on-timeout | --on-failure)
            if [[ $value == *=* ]]; then
                _check_imap_session_cut =
                _check_imap_session_offer "$states"
            else
                _check_imap_session_offer "$states $phases"
            fi
            ;;
        --on-alert | --on-read-only) _check_imap_session_offer 'ok warning critical unknown' ;;
        -o | --output) _check_imap_session_offer 'nagios prometheus json timeline' ;;
        --extra-opts)
            if [[ $value == *@* && $front ]]; then
                _check_imap_session_cut @
                _check_imap_session_files
            elif [[ ! $front ]]; then
                _check_imap_session_offer "$options"
            fi
            ;;
        *) _check_imap_session_offer "$options" ;;
    esac

    # What stands on the line before the last of those cuts is not part of what is put in.
    local whole=$front$value cut
    cut=${whole%"$2"}
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}

# These use value and front of their caller.
_check_imap_session_offer() {
    mapfile -t COMPREPLY < <(compgen -P "$front" -W "$1" -- "$value")
    # Behind "login=", "select:" or "search:INBOX\?" the word goes on.
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=:?] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

_check_imap_session_files() {
    mapfile -t COMPREPLY < <(compgen -f -P "$front" -- "$value")
    compopt -o filenames 2>/dev/null
}

# Makes what stands before the first of this mark a part of the front.
_check_imap_session_cut() {
    front+=${value%%"$1"*}$1
    value=${value#*"$1"}
}

complete -F _check_imap_session check_imap_session
