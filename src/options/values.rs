//! What the values of options are and how they are read. Which option takes which, `options.rs` has in its table.
//! All errors say what is wrong with the text and what would be right.

use crate::credentials::secret::Secret;
use crate::plan::selector::{Range, Selector, duration};
use crate::text::shown;
use nagiosplugin::ServiceState;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

/// The environment variable that is used without `--password-file`.
pub const PASSWORD_VARIABLE: &str = "IMAP_SESSION_PASSWORD";

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `-4`
    V4,
    /// `-6`
    V6,
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// At once (RFC 8314 section 3.2).
    Implicit,
    /// After STARTTLS (RFC 9051 section 6.2.1).
    StartTls,
    /// Never.
    None,
}

/// A TLS version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TlsVersion {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For Icinga, Nagios and NRPE.
    Nagios,
    /// The text exposition format.
    Prometheus,
    /// One object with everything known.
    Json,
}

/// Where the password comes from.
#[derive(Clone)]
pub enum PasswordSource {
    /// The first line of this file.
    File(PathBuf),
    /// The first line of standard input.
    Stdin,
    /// The environment.
    Value(Secret),
}

/// For `--tls`.
pub const TLS_MODES: [(&str, TlsMode); 3] =
    [("implicit", TlsMode::Implicit), ("starttls", TlsMode::StartTls), ("none", TlsMode::None)];
/// For `--tls-min`.
pub const TLS_VERSIONS: [(&str, TlsVersion); 4] =
    [("1.0", TlsVersion::V1_0), ("1.1", TlsVersion::V1_1), ("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];

/// For `--output`.
pub const FORMATS: [(&str, Format); 3] =
    [("nagios", Format::Nagios), ("prometheus", Format::Prometheus), ("json", Format::Json)];

/// 1 to 65535.
pub fn port(value: &str) -> Result<Option<u16>, String> {
    let port = value.parse().ok().filter(|port| *port > 0);
    port.map(Some).ok_or_else(|| format!("{} is not a port, right is 1 to 65535", shown(value)))
}

/// Not empty, one line.
pub fn username(value: &str) -> Result<String, String> {
    if value.is_empty() || value.contains(['\r', '\n']) {
        return Err(format!("{} is not a user name", shown(value)));
    }
    Ok(value.to_owned())
}

/// A file, or `-` for standard input.
pub fn password_source(value: &str) -> Result<PasswordSource, String> {
    Ok(if value == "-" { PasswordSource::Stdin } else { PasswordSource::File(path(value)?) })
}

/// The answer to `-P`.
pub fn no_password_here() -> String {
    format!(
        "there is no password on the command line, where ps shows it: \
         use --password-file FILE or the environment variable {PASSWORD_VARIABLE}"
    )
}

/// Any name but an empty one.
pub fn mailbox(value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Err("(empty) is not a mailbox, right is a name such as INBOX".to_owned());
    }
    Ok(value.to_owned())
}

/// `PHASE=SECONDS`.
pub fn limit(value: &str) -> Result<(Selector, Duration), String> {
    match Selector::split(value) {
        (Some(selector), limit) => match duration(limit) {
            Ok(limit) => Ok((selector, limit)),
            Err(why) => Err(format!("{}: {why}", shown(value))),
        },
        (None, _) => Err(format!("{} has no =, right is PHASE=SECONDS", shown(value))),
    }
}

/// A host name or address, IPv6 also in brackets.
pub fn host(value: &str) -> Result<String, String> {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.len() <= 255
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
    // An address may have a zone: fe80::1%eth0.
    let (address, zone) = bare.split_once('%').map_or((bare, None), |(address, zone)| (address, Some(zone)));
    if address.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(is_name) || is_name(value) {
        return Ok(bare.to_owned());
    }
    let right = if value.is_ascii() {
        "right is for example imap.example.org or 2001:db8::1, the port goes to -p"
    } else {
        "of letters beyond ASCII the form that begins with xn-- is right"
    };
    Err(format!("{} is neither a name nor an address, {right}", shown(value)))
}

/// Any but an empty one.
pub fn path(value: &str) -> Result<PathBuf, String> {
    if value.is_empty() { Err("(empty) is not a file".to_owned()) } else { Ok(value.into()) }
}

/// A file that can be written.
pub fn textfile(value: &str) -> Result<PathBuf, String> {
    if value == "-" {
        Err("- is not a file, right for standard output is -o prometheus".to_owned())
    } else {
        path(value)
    }
}

/// One of these words.
pub fn choice<T: Copy>(value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        format!("{} is none of: {}", shown(value), names.join(", "))
    })
}

/// The word for a choice.
pub fn name<T: PartialEq>(choice: &T, choices: &[(&'static str, T)]) -> &'static str {
    choices.iter().find(|(_, other)| other == choice).map_or("", |(name, _)| name)
}

/// `[SELECTOR=]RANGE`; without a selector the total is meant.
pub fn threshold(value: &str) -> Result<(Selector, Range), String> {
    let (selector, range) = Selector::split(value);
    match (selector, Range::parse(range)) {
        (Some(selector), Ok(range)) => Ok((selector, range)),
        (None, Ok(range)) => Ok((Selector::total(), range)),
        (Some(_), Err(why)) => Err(format!("{}: {why}", shown(value))),
        (None, Err(why)) => Err(why),
    }
}

/// `[PHASE=]STATE`; without a phase all but logout are meant.
pub fn state(value: &str) -> Result<(Option<Selector>, ServiceState), String> {
    let (selector, state) = Selector::split(value);
    let states = [
        ("ok", ServiceState::Ok),
        ("warning", ServiceState::Warning),
        ("critical", ServiceState::Critical),
        ("unknown", ServiceState::Unknown),
    ];
    Ok((selector, choice(&state.to_ascii_lowercase(), &states)?))
}
