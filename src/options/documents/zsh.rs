//! The completion of zsh.

use super::super::table::{Completes, Given, Opt, list_options};
use super::{
    Behind, join_with, list_figures, list_formats, list_mechanisms, list_names, list_operation_names, list_phases,
    list_selectors, list_shown_options, list_states,
};
use crate::plan::selector::TOTAL;

/// The script, with placeholders between `@`.
const TEMPLATE: &str = r#"#compdef check_imap_session
# zsh completion for check_imap_session(1), made of the program's tables by `make generated`.

# PHASE= with or without what comes behind it; the arguments are what else may stand in front of a =. A space or a :
# takes the = away.
_check_imap_session_phases() {
    compadd -S = -r '\- \t\n=:' -- "$@" @phases@
}

_check_imap_session_limits() {
    if compset -P '*='; then
        _message 'seconds, or with a unit: 500ms, 5s, 1m, 2h'
    elif compset -P '(@mailbox_operations@):'; then
        compadd -S = -- INBOX
    elif compset -P '(@keys_operations@):'; then
        compadd -S '' -- 'INBOX?'
    else
        _check_imap_session_phases
    fi
}

_check_imap_session_thresholds() {
    if compset -P '*='; then
        _message 'range: [@][start:][end]'
    elif compset -P '(@mailbox_selectors@):'; then
        compadd -S = -- INBOX
    elif compset -P '(@keys_selectors@):'; then
        compadd -S '' -- 'INBOX?'
    else
        _check_imap_session_phases @total@ @figures@
    fi
}

_check_imap_session_states() {
    if compset -P '*='; then
        compadd -- @states@
    else
        compadd -- @states@
        _check_imap_session_phases
    fi
}

_check_imap_session_operations() {
    if compset -P '(@mailbox_operations@):'; then
        compadd -- INBOX
    elif compset -P '(@keys_operations@):'; then
        compadd -S '' -- 'INBOX?'
    else
        # The first of these may stand without the colon as well: a space takes it away.
@operations@
    fi
}

_check_imap_session_extra_opts() {
    if compset -P '*@'; then
        _files
    else
        _message 'section of the ini file, and @FILE'
    fi
}

_check_imap_session() {
    _arguments -s -S \
@specs@
}

_check_imap_session "$@"
"#;

pub(super) fn generate() -> String {
    let specs: Vec<String> = list_shown_options().map(|opt| format!("        {}", make_spec(opt))).collect();
    let (ends, takers) = (list_operation_names(&[Behind::End]), list_operation_names(&Behind::TARGETS));
    let both: Vec<&str> = takers.iter().copied().filter(|name| ends.contains(name)).collect();
    let only = |names: &[&'static str]| {
        let rest = names.iter().copied().filter(|name| !both.contains(name));
        rest.collect::<Vec<_>>().join(" ")
    };
    let operations = format!(
        "        compadd -q -S : -- {}\n        compadd -S : -- {}\n        compadd -- {}",
        both.join(" "),
        only(&takers),
        only(&ends)
    );
    TEMPLATE
        .replace("@phases@", &join_with(list_phases().map(|phase| phase.name), ""))
        .replace("@mailbox_operations@", &list_operation_names(&[Behind::Mailbox]).join("|"))
        .replace("@keys_operations@", &list_operation_names(&[Behind::MailboxAndKeys]).join("|"))
        .replace("@mailbox_selectors@", &list_selectors(&[Behind::Mailbox]).join("|"))
        .replace("@keys_selectors@", &list_selectors(&[Behind::MailboxAndKeys]).join("|"))
        .replace("@figures@", &list_figures(list_phases()).join(" "))
        .replace("@states@", &list_states().join(" "))
        .replace("@total@", TOTAL)
        .replace("@operations@", &operations)
        .replace("@specs@", &specs.join(" \\\n"))
}

/// An argument of zsh's `_arguments`: which options exclude it, names, description and kind of value.
fn make_spec(opt: &Opt) -> String {
    let names = list_names(opt);
    let excluded = match opt.given {
        Given::Once if names.len() > 1 => format!("({})", names.join(" ")),
        Given::Once => String::new(),
        Given::InsteadOf(long) => {
            let others = list_options().filter(|other| other.long == long).flat_map(list_names);
            let mut all: Vec<String> = names.iter().cloned().chain(others).collect();
            all.sort_unstable();
            format!("({})", all.join(" "))
        }
        Given::Repeatedly => "*".to_owned(),
        Given::Alone => "(- *)".to_owned(),
    };
    // How the value may be joined: -o FORMAT or -oFORMAT; --output=FORMAT or --output FORMAT; only --extra-opts=VALUE.
    let join = |name: &String| {
        let is_long = name.starts_with("--");
        let mark = match (opt.value.is_empty(), opt.has_optional_value(), is_long) {
            (true, ..) => "",
            (false, true, _) => "=-",
            (false, false, true) => "=",
            (false, false, false) => "+",
        };
        format!("{name}{mark}")
    };
    let names: Vec<String> = names.iter().map(join).collect();
    let rest = quote(&format!("[{}]{}", escape(opt.help), describe_value(opt)));
    match names.as_slice() {
        // One name needs no braces, so that all of it stands in the same quotes.
        [name] => format!("'{excluded}{name}{rest}'"),
        names if excluded.is_empty() => format!("{{{}}}'{rest}'", names.join(",")),
        names => format!("'{excluded}'{{{}}}'{rest}'", names.join(",")),
    }
}

/// `:format:(nagios prometheus json)`
fn describe_value(opt: &Opt) -> String {
    let action = match opt.completes {
        _ if opt.value.is_empty() => return String::new(),
        Completes::Nothing => " ".to_owned(),
        Completes::Words(words) => format!("({})", words.join(" ")),
        Completes::Hosts => "_hosts".to_owned(),
        Completes::Files => "_files".to_owned(),
        Completes::Mailboxes => "(INBOX)".to_owned(),
        Completes::Operations => "_check_imap_session_operations".to_owned(),
        Completes::Limits => "_check_imap_session_limits".to_owned(),
        Completes::Thresholds => "_check_imap_session_thresholds".to_owned(),
        Completes::States => "_check_imap_session_states".to_owned(),
        Completes::Formats => format!("({})", list_formats().join(" ")),
        Completes::Mechanisms => format!("({})", list_mechanisms().join(" ")),
        Completes::SectionAndFile => "_check_imap_session_extra_opts".to_owned(),
    };
    let message = opt.value.strip_prefix("[=").and_then(|value| value.strip_suffix(']')).unwrap_or(opt.value);
    let colons = if opt.has_optional_value() { "::" } else { ":" };
    format!("{colons}{}:{action}", escape(&message.to_lowercase()))
}

/// In a description and a message these would end it.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace(':', "\\:").replace('[', "\\[").replace(']', "\\]")
}

/// For single quotes of the shell.
fn quote(text: &str) -> String {
    text.replace('\'', r"'\''")
}
