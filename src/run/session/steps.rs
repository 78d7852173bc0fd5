//! The exchanges of the set-up and of the end: STARTTLS, LOGIN, LOGOUT.

use super::super::prepared::Prepared;
use crate::failure::{Failure, Reason};
use crate::imap::command::Word;
use crate::imap::dialogue::{Dialogue, Standing};
use crate::net::TlsMode;

/// Any failure here ends the connection, so that no password leaves in clear text (RFC 9051 section 11.1).
pub(super) fn start_tls(dialogue: &mut Dialogue) -> Result<(), Failure> {
    if dialogue.standing == Standing::Preauthenticated {
        return Err(Failure::lost("PREAUTH before STARTTLS, an attack or a wrong configuration"));
    }
    if dialogue.capabilities.is_some() && !dialogue.has_capability("STARTTLS") {
        return Err(Failure::lost("the server does not offer STARTTLS"));
    }
    dialogue.command(&[Word::Atom("STARTTLS")], |_| {}).map_err(Failure::into_lost)?;
    if dialogue.has_unread() {
        return Err(Failure::lost("plain text came behind the reply to STARTTLS, an attack or a broken server"));
    }
    Ok(())
}

/// LOGIN (RFC 9051 section 6.2.3).
pub(super) fn log_in(dialogue: &mut Dialogue, prepared: &Prepared) -> Result<(), Failure> {
    let settings = &prepared.settings;
    if dialogue.standing == Standing::Preauthenticated {
        return Err(Failure::refused("PREAUTH greeting, so that nobody checked the password"));
    }
    // A line that has come meanwhile may forbid it.
    dialogue.take_early_lines()?;
    // In clear text a password goes only to a server that was asked whether it takes one.
    if settings.server.tls_mode == TlsMode::None && dialogue.capabilities.is_none() {
        dialogue.command(&[Word::Atom("CAPABILITY")], |_| {})?;
    }
    if dialogue.has_capability("LOGINDISABLED") {
        let hint = match (settings.server.tls_mode, dialogue.list_mechanisms(&[])) {
            (TlsMode::None, _) => "is --tls starttls or implicit right?".to_owned(),
            (_, None) => "the server offers no other way to log in".to_owned(),
            (_, Some(mechanisms)) => format!("the server offers {mechanisms} instead"),
        };
        return Err(Failure::refused("the server says LOGINDISABLED, no password was sent").with_hint(hint));
    }
    let username = Word::Text(settings.username.as_bytes());
    dialogue.begin_login();
    let login = [Word::Atom("LOGIN"), username, Word::Secret(&prepared.password)];
    let result = dialogue.command(&login, |_| {});
    if result.is_ok() {
        dialogue.standing = Standing::LoggedIn;
    }
    result.map_err(|failure| match (describe_offers(dialogue), &failure) {
        (Some(offers), Failure::Refused(Reason { hint: None, .. })) => failure.with_hint(offers),
        _ => failure,
    })
}

/// Mechanisms that check a password as LOGIN does: if LOGIN was refused, they will be.
const LIKE_LOGIN: [&str; 2] = ["PLAIN", "LOGIN"];

/// Other ways to log in that the server has listed.
fn describe_offers(dialogue: &Dialogue) -> Option<String> {
    Some(format!("the server also offers {}", dialogue.list_mechanisms(&LIKE_LOGIN)?))
}

/// LOGOUT (RFC 9051 section 6.1.3). If a login was refused and the server has not said what it can, it is asked before:
/// that is advice for the administrator, and must not delay the login's outcome.
pub(super) fn log_out(dialogue: &mut Dialogue, advise: impl FnOnce(String)) -> Result<(), Failure> {
    if dialogue.standing == Standing::Unknown && dialogue.capabilities.is_none() {
        match dialogue.command(&[Word::Atom("CAPABILITY")], |_| {}) {
            Err(failure) if failure.is_lost() => return Err(failure),
            _ => {}
        }
        if let Some(offers) = describe_offers(dialogue) {
            advise(offers);
        }
    }
    dialogue.log_out()
}
