//! The phase `token`: the token that the login sends in the place of a password.

use super::event::Stop;
use super::prepared::Prepared;
use crate::failure::{Failure, Reason};
use crate::imap::dialogue::Log;
use crate::oauth::http::Watch;
use crate::operation::Yield;

/// Fetches the token and keeps it for all connections of the run.
pub(super) fn fetch_token(prepared: &Prepared, log: Option<&Log>, yielded: &mut Yield) -> Result<(), Stop> {
    let Some(fetcher) = &prepared.fetcher else { return Err(Stop::Impossible) };
    let watch = Watch { bytes: &prepared.bytes, log };
    let token = fetcher.fetch(&watch, &mut yielded.notes).map_err(Stop::Failed)?;
    let _ = prepared.token.set(token);
    Ok(())
}

/// A server that refuses a token from the cache may have withdrawn it: it is dropped, so that the next run fetches another
/// one.
pub(super) fn explain_refused_login(prepared: &Prepared, failure: Failure) -> Failure {
    let (Some(fetcher), Some(token)) = (&prepared.fetcher, prepared.token.get().filter(|token| token.is_cached)) else {
        return failure;
    };
    match failure {
        Failure::Refused(Reason { what, hint }) if is_about_token(&what) => {
            fetcher.drop_cached(token);
            Failure::Refused(Reason { what: format!("the cached token was refused: {what}"), hint })
        }
        other => other,
    }
}

/// Whether a server's answer is about the token: not one that is busy, or that was never sent the token.
fn is_about_token(answer: &str) -> bool {
    // RFC 5530 section 3.
    let is_busy = ["[UNAVAILABLE]", "[LIMIT]", "[INUSE]"].iter().any(|code| answer.contains(code));
    answer.starts_with("NO ") && !is_busy
}
