//! The account: whether user, mechanism and the source of the secret fit together.

use super::Options;
use crate::credentials::secret::Secret;
use crate::credentials::source::{PASSWORD_VARIABLE, PasswordSource};
use crate::imap::auth::{MECHANISMS, Wants};

/// Completes what depends on the mechanism.
///
/// # Errors
/// One line: what is missing or does not fit, and what would be right.
pub(super) fn complete_account(options: &mut Options) -> Result<(), String> {
    let mechanism = options.mechanism;
    options.oauth.check(mechanism, &options.password)?;
    if options.authzid.is_some() && !mechanism.takes_authzid {
        let others = MECHANISMS.iter().filter(|mechanism| mechanism.takes_authzid).map(|mechanism| mechanism.name);
        let (name, others) = (mechanism.name, others.collect::<Vec<_>>().join(", "));
        return Err(format!("--authzid: {name} has no place for another user, right is --auth with one of: {others}"));
    }
    if mechanism.wants == Wants::Nothing {
        if let Some(option) = options.password.option() {
            return Err(format!("{option}: --auth {} sends no password, right is one of both", mechanism.name));
        }
        options.password = PasswordSource::Value(Secret::new(Vec::new()));
        return Ok(());
    }
    if options.username.is_empty() {
        return Err("no account: -u USER is missing, see --help".to_owned());
    }
    if let (PasswordSource::Value(secret), None) = (&options.password, &options.oauth.url) {
        if secret.expose().is_empty() {
            let what = mechanism.wants.describe();
            let sources = match mechanism.wants {
                Wants::Token => "give --oauth-token-url URL, --password-file FILE or set",
                _ => "give --password-file FILE or set",
            };
            return Err(format!("no {what}: {sources} {PASSWORD_VARIABLE}"));
        }
        secret.check().map_err(|why| format!("{PASSWORD_VARIABLE}: {why}"))?;
    }
    Ok(())
}
