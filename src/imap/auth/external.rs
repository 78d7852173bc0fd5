//! EXTERNAL (RFC 4422 appendix A): the server knows the user already, most often by a client certificate.

use super::{Account, Exchange, Mechanism, Wants, Way};
use crate::credentials::secret::Secret;
use crate::failure::Failure;

pub(super) static EXTERNAL: Mechanism = Mechanism {
    name: "external",
    help: "no secret, because the server knows the user already, for example by `--client-cert` (RFC 4422)",
    wants: Wants::Nothing,
    sends_secret: false,
    takes_authzid: true,
    way: Way::Sasl { name: "EXTERNAL", start },
};

/// The user to act as, until that is sent. Nobody is the one whom the server knows.
struct External(Option<Secret>);

#[allow(clippy::unnecessary_wraps, reason = "other mechanisms cannot always begin")]
fn start(account: &Account<'_>) -> Result<Box<dyn Exchange>, Failure> {
    let authzid = account.authzid.unwrap_or_default();
    Ok(Box::new(External(Some(Secret::new(authzid.as_bytes().to_vec())))))
}

impl Exchange for External {
    fn answer(&mut self, _challenge: &[u8]) -> Result<Secret, String> {
        self.0.take().ok_or_else(|| "the server asks for more than the name of a user".to_owned())
    }

    fn conclude(&self, _is_accepted: bool) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{account, answers};
    use super::*;

    #[test]
    fn nothing_but_the_user_to_act_as_is_sent() {
        let secret = Secret::new(Vec::new());
        let account = account("joe", &secret);
        assert_eq!(answers(start(&account), &[b""]), [b""]);
        assert_eq!(answers(start(&Account { authzid: Some("jane"), ..account }), &[b""]), [b"jane"]);
    }
}
