//! The first and the last exchange: STARTTLS and LOGOUT.

use super::login::describe_offers;
use crate::failure::Failure;
use crate::imap::auth::Mechanism;
use crate::imap::command::Word;
use crate::imap::dialogue::{Dialogue, Standing};

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

/// LOGOUT (RFC 9051 section 6.1.3). If a login was refused and the server has not said what it can, it is asked before:
/// that is advice for the administrator, and must not delay the login's outcome.
pub(super) fn log_out(
    dialogue: &mut Dialogue,
    mechanism: &Mechanism,
    advise: impl FnOnce(String),
) -> Result<(), Failure> {
    if dialogue.standing == Standing::Unknown && dialogue.capabilities.is_none() {
        match dialogue.command(&[Word::Atom("CAPABILITY")], |_| {}) {
            Err(failure) if failure.is_lost() => return Err(failure),
            _ => {}
        }
        if let Some(offers) = describe_offers(dialogue, mechanism) {
            advise(offers);
        }
    }
    dialogue.log_out()
}
