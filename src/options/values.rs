//! How the values of options are read. All errors say what is wrong with the text and what would be right.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use nagiosplugin::ServiceState;

use crate::credentials::source::{PASSWORD_VARIABLE, PasswordSource};
use crate::imap::auth::{MECHANISMS, Mechanism};
use crate::operation::{OPERATIONS, Operation, SELECT, Takes};
use crate::output::{FORMATS, Format};
use crate::plan::RequestedTask;
use crate::plan::range::{Range, parse_duration};
use crate::plan::selector::Selector;
use crate::text::{show_value, suggest};

/// The words for states.
pub const STATES: [(&str, ServiceState); 4] = [
    ("ok", ServiceState::Ok),
    ("warning", ServiceState::Warning),
    ("critical", ServiceState::Critical),
    ("unknown", ServiceState::Unknown),
];

/// 1 to 65535.
pub fn parse_port(value: &str) -> Result<u16, String> {
    let port = value.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("{} is not a port, right is 1 to 65535", show_value(value)))
}

/// An address without a name; IPv6 also in brackets.
pub fn parse_address(value: &str) -> Result<IpAddr, String> {
    let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
    let right = "right is for example 192.0.2.7 or 2001:db8::7";
    bare.parse().map_err(|_| format!("{} is not an address, {right}", show_value(value)))
}

/// Not empty, one line.
pub fn parse_username(value: &str) -> Result<String, String> {
    parse_word(value, "a user name")
}

/// Not empty, one line.
pub fn parse_word(value: &str, kind: &str) -> Result<String, String> {
    if value.is_empty() || value.contains(['\r', '\n']) {
        return Err(format!("{} is not {kind}", show_value(value)));
    }
    Ok(value.to_owned())
}

/// A way to log in.
pub fn parse_mechanism(value: &str) -> Result<&'static Mechanism, String> {
    let mechanisms: Vec<(&str, &Mechanism)> = MECHANISMS.iter().map(|mechanism| (mechanism.name, *mechanism)).collect();
    parse_choice(value, &mechanisms)
}

/// A file, or `-` for standard input.
pub fn parse_password_source(value: &str) -> Result<PasswordSource, String> {
    Ok(if value == "-" { PasswordSource::Stdin } else { PasswordSource::File(parse_path(value)?) })
}

/// A command for the shell.
pub fn parse_password_command(value: &str) -> Result<PasswordSource, String> {
    if value.trim().is_empty() {
        return Err("(empty) is not a command, right is for example 'pass show imap/monitor'".to_owned());
    }
    Ok(PasswordSource::Command(value.to_owned()))
}

/// The answer to `-P`.
pub fn explain_no_password() -> String {
    format!(
        "there is no password on the command line, where ps shows it: \
         use --password-file FILE or the environment variable {PASSWORD_VARIABLE}"
    )
}

/// A mailbox to be opened: any name but an empty one.
pub fn parse_mailbox(value: &str) -> Result<RequestedTask, String> {
    if value.is_empty() {
        return Err("(empty) is not a mailbox, right is a name such as INBOX".to_owned());
    }
    Ok(RequestedTask { operation: &SELECT, target: Some(value.to_owned()) })
}

/// `NAME[:MAILBOX]`; everything behind the first `:` is the mailbox.
pub fn parse_operation(value: &str) -> Result<RequestedTask, String> {
    let (name, target) = value.split_once(':').map_or((value, None), |(name, target)| (name, Some(target)));
    let Some(operation) = Operation::find(name) else {
        let names: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
        let hint = suggest(name, names.iter().copied());
        return Err(format!("{} is not an operation{hint}, those are: {}", show_value(name), names.join(", ")));
    };
    let example = operation.takes.show_example();
    match (operation.takes, target) {
        (Takes::Nothing, Some(target)) => {
            let target = show_value(target);
            return Err(format!("{name}:{target} names a mailbox, but {name} takes none, right is {name} alone"));
        }
        (Takes::Mailbox, None | Some("")) => {
            return Err(format!("{name} needs a mailbox, right is for example {name}{example}"));
        }
        (Takes::MailboxAndKeys, target) => check_keys(name, target.unwrap_or_default(), example)?,
        (Takes::MailboxOrNothing | Takes::PatternOrNothing, Some("")) => {
            return Err(format!(
                "{name} has nothing behind its colon, right is {name} alone or for example {name}{example}"
            ));
        }
        (Takes::Nothing | Takes::MailboxOrNothing | Takes::PatternOrNothing, None)
        | (Takes::Mailbox | Takes::MailboxOrNothing | Takes::PatternOrNothing, Some(_)) => {}
    }
    Ok(RequestedTask { operation, target: target.map(str::to_owned) })
}

/// `MAILBOX?KEYS`; the keys are sent as they are (RFC 9051 section 6.4.4).
fn check_keys(name: &str, target: &str, example: &str) -> Result<(), String> {
    let right = format!("right is for example {name}{example}");
    let Some((mailbox, keys)) =
        target.split_once('?').filter(|(mailbox, keys)| !mailbox.is_empty() && !keys.is_empty())
    else {
        return Err(format!("{name} needs a mailbox and behind a ? keys of SEARCH, {right}"));
    };
    if keys.chars().any(|c| !matches!(c, ' '..='~')) || keys.ends_with('}') {
        let (mailbox, keys) = (show_value(mailbox), show_value(keys));
        return Err(format!("{name}:{mailbox}: {keys} are no keys of SEARCH in printable ASCII, {right}"));
    }
    Ok(())
}

/// `PHASE=SECONDS`.
pub fn parse_limit(value: &str) -> Result<(Selector, Duration), String> {
    match Selector::split(value) {
        (Some(selector), limit) => match parse_duration(limit) {
            Ok(limit) => Ok((selector, limit)),
            Err(why) => Err(format!("{}: {why}", show_value(value))),
        },
        (None, _) => Err(format!("{} has no =, right is PHASE=SECONDS", show_value(value))),
    }
}

/// Any but an empty one.
pub fn parse_path(value: &str) -> Result<PathBuf, String> {
    if value.is_empty() { Err("(empty) is not a file".to_owned()) } else { Ok(value.into()) }
}

/// A file that can be written.
pub fn parse_textfile(value: &str) -> Result<PathBuf, String> {
    if value == "-" {
        Err("- is not a file, right for standard output is -o prometheus".to_owned())
    } else {
        parse_path(value)
    }
}

/// One of these words.
pub fn parse_choice<T: Copy>(value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let hint = suggest(value, names.iter().copied());
        format!("{} is none of: {}{hint}", show_value(value), names.join(", "))
    })
}

/// `[SELECTOR=]RANGE`; without a selector the total is meant.
pub fn parse_threshold(value: &str) -> Result<(Selector, Range), String> {
    let (selector, range) = Selector::split(value);
    match (selector, Range::parse(range)) {
        (Some(selector), Ok(range)) => Ok((selector, range)),
        (None, Ok(range)) => Ok((Selector::total(), range)),
        (Some(_), Err(why)) => Err(format!("{}: {why}", show_value(value))),
        (None, Err(why)) => Err(why),
    }
}

/// `[PHASE=]STATE`; without a phase all but the end of the session are meant.
pub fn parse_state(value: &str) -> Result<(Selector, ServiceState), String> {
    let (selector, state) = Selector::split(value);
    Ok((selector.unwrap_or(Selector::ALL), parse_state_name(state)?))
}

/// `ok`, `warning`, `critical` or `unknown`, in any case.
pub fn parse_state_name(value: &str) -> Result<ServiceState, String> {
    parse_choice(&value.to_ascii_lowercase(), &STATES)
}

/// A number of runs.
pub fn parse_repeat(value: &str) -> Result<u32, String> {
    value
        .parse()
        .ok()
        .filter(|times| *times > 0)
        .ok_or_else(|| format!("{} is not a number of runs, right is for example 100", show_value(value)))
}

/// A pause, which may be none.
pub fn parse_interval(value: &str) -> Result<Duration, String> {
    if value == "0" { Ok(Duration::ZERO) } else { parse_duration(value) }
}

/// One of the output formats.
pub fn parse_format(value: &str) -> Result<&'static Format, String> {
    let formats: Vec<(&str, &Format)> = FORMATS.iter().map(|format| (format.name, *format)).collect();
    parse_choice(value, &formats)
}
