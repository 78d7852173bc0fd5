//! The login: by the command LOGIN or by a SASL mechanism, and what a refusal says about the other ways.

use super::super::prepared::{Prepared, Settings};
use crate::failure::{Failure, Reason};
use crate::imap::auth::{Account, Exchange, Mechanism, Wants, Way};
use crate::imap::command::Word;
use crate::imap::dialogue::{Dialogue, Standing};
use crate::net::TlsMode;

/// Mechanisms that check a password, and how the names of others begin: if the password itself was refused, they will
/// refuse it, too.
const BY_PASSWORD: [&str; 5] = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-"];

/// Logs in as the user wants it.
pub(super) fn log_in(dialogue: &mut Dialogue, prepared: &Prepared) -> Result<(), Failure> {
    let settings = &prepared.settings;
    if dialogue.standing == Standing::Preauthenticated {
        if is_known_by_certificate(settings) {
            dialogue.standing = Standing::LoggedIn;
            return Ok(());
        }
        return Err(Failure::refused("PREAUTH greeting, so that nobody checked the password"));
    }
    // A line that has come meanwhile may forbid it.
    dialogue.take_early_lines()?;
    let is_command = matches!(settings.mechanism.way, Way::Command);
    // AUTHENTICATE goes only to a server that lists the mechanism, and in clear text a password only to a server that was
    // asked whether it takes one.
    if dialogue.capabilities.is_none() && (!is_command || settings.server.tls_mode == TlsMode::None) {
        dialogue.command(&[Word::Atom("CAPABILITY")], |_| {})?;
    }
    let result = match settings.mechanism.way {
        Way::Command => log_in_by_command(dialogue, prepared),
        Way::Sasl { name, start } => authenticate(dialogue, prepared, name, start),
    };
    if result.is_ok() {
        dialogue.standing = Standing::LoggedIn;
    }
    result
}

/// Whether the server can know the user by the certificate that was sent before its greeting, and the user wants it so.
fn is_known_by_certificate(settings: &Settings) -> bool {
    let server = &settings.server;
    settings.mechanism.wants == Wants::Nothing && server.client_cert.is_some() && server.tls_mode == TlsMode::Implicit
}

/// LOGIN (RFC 9051 section 6.2.3).
fn log_in_by_command(dialogue: &mut Dialogue, prepared: &Prepared) -> Result<(), Failure> {
    let settings = &prepared.settings;
    if dialogue.has_capability("LOGINDISABLED") {
        let hint = match (settings.server.tls_mode, describe_mechanisms(dialogue, |_| true)) {
            (TlsMode::None, _) => "is --tls starttls or implicit right?".to_owned(),
            (_, None) => "the server offers no other way to log in".to_owned(),
            (_, Some(mechanisms)) => format!("the server offers instead {mechanisms}"),
        };
        return Err(Failure::refused("the server says LOGINDISABLED, no password was sent").with_hint(hint));
    }
    let username = Word::Text(settings.username.as_bytes());
    dialogue.begin_login();
    let result = dialogue.command(&[Word::Atom("LOGIN"), username, Word::Secret(prepared.secret())], |_| {});
    result.map_err(|failure| add_offers(failure, dialogue, settings.mechanism))
}

/// AUTHENTICATE (RFC 9051 section 6.2.2), with a mechanism that has this name on the wire.
fn authenticate(
    dialogue: &mut Dialogue,
    prepared: &Prepared,
    name: &str,
    start: fn(&Account<'_>) -> Result<Box<dyn Exchange>, Failure>,
) -> Result<(), Failure> {
    let settings = &prepared.settings;
    if !dialogue.list_mechanisms().iter().any(|listed| listed.eq_ignore_ascii_case(name)) {
        let hint = match (settings.server.tls_mode, describe_mechanisms(dialogue, |_| true)) {
            (_, Some(mechanisms)) => format!("it offers {mechanisms}"),
            (TlsMode::None, None) => "it offers no mechanism, is --tls starttls or implicit right?".to_owned(),
            (_, None) => "it offers no mechanism".to_owned(),
        };
        return Err(Failure::refused(format!("the server does not offer {name}")).with_hint(hint));
    }
    let mut exchange = start(&Account {
        username: &settings.username,
        authzid: settings.authzid.as_deref(),
        secret: prepared.secret(),
        host: &settings.server.host,
        port: settings.server.port,
        find_binding: &|| dialogue.find_binding(),
    })?;
    dialogue.begin_login();
    let result = dialogue.authenticate(name, exchange.as_mut());
    result.map_err(|failure| match failure {
        // Most servers know the user by it.
        Failure::Refused(Reason { hint: None, .. }) if has_no_proof(settings) => {
            failure.with_hint("is --client-cert missing?")
        }
        failure => add_offers(failure, dialogue, settings.mechanism),
    })
}

/// Whether the server gets neither a secret nor a certificate.
fn has_no_proof(settings: &Settings) -> bool {
    settings.mechanism.wants == Wants::Nothing && settings.server.client_cert.is_none()
}

/// A refusal that has no hint yet gets the other ways to log in.
fn add_offers(failure: Failure, dialogue: &Dialogue, used: &Mechanism) -> Failure {
    match (describe_offers(dialogue, used), &failure) {
        (Some(offers), Failure::Refused(Reason { hint: None, .. })) => failure.with_hint(offers),
        _ => failure,
    }
}

/// Other ways to log in that the server has listed, but for those that will be refused as the used one was.
pub(super) fn describe_offers(dialogue: &Dialogue, used: &Mechanism) -> Option<String> {
    let sent_password = used.sends_secret && used.wants != Wants::Token;
    let is_like_it = |name: &str| {
        let name = name.to_ascii_uppercase();
        sent_password
            && BY_PASSWORD.iter().any(|other| name == *other || other.ends_with('-') && name.starts_with(other))
    };
    let is_other = |name: &str| !name.eq_ignore_ascii_case(used.name) && !is_like_it(name);
    Some(format!("the server also offers {}", describe_mechanisms(dialogue, is_other)?))
}

/// `CRAM-MD5, XOAUTH2: --auth xoauth2`: those mechanisms that the server has listed, and the option if we have one of them.
fn describe_mechanisms(dialogue: &Dialogue, is_wanted: impl Fn(&str) -> bool) -> Option<String> {
    let mut listed = dialogue.list_mechanisms();
    listed.retain(|name| is_wanted(name));
    let known: Vec<&Mechanism> = listed.iter().filter_map(|name| Mechanism::find_offered(name)).collect();
    let option = match known.as_slice() {
        [] => String::new(),
        [only] => format!(": --auth {}", only.name),
        _ => ": see --auth".to_owned(),
    };
    (!listed.is_empty()).then(|| format!("{}{option}", listed.join(", ")))
}
