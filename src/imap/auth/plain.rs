//! PLAIN (RFC 4616): the password in one message.

use zeroize::Zeroizing;

use super::prepare::prepare_name;
use super::{Account, Exchange, Mechanism, Wants, Way};
use crate::credentials::secret::Secret;
use crate::failure::Failure;

pub(super) static PLAIN: Mechanism = Mechanism {
    name: "plain",
    help: "user name and password in one message (RFC 4616)",
    wants: Wants::PreparedPassword,
    sends_secret: true,
    takes_authzid: true,
    way: Way::Sasl { name: "PLAIN", start },
};

/// The message, until it is sent.
struct Plain(Option<Secret>);

#[allow(clippy::unnecessary_wraps, reason = "other mechanisms cannot always begin")]
fn start(account: &Account<'_>) -> Result<Box<dyn Exchange>, Failure> {
    let authzid = account.authzid.unwrap_or_default();
    let username = prepare_name(account.username);
    Ok(Box::new(Plain(Some(join(&[authzid.as_bytes(), b"\0", username.as_bytes(), b"\0", account.secret.expose()])))))
}

impl Exchange for Plain {
    fn answer(&mut self, _challenge: &[u8]) -> Result<Secret, String> {
        self.0.take().ok_or_else(|| "the server asks for more than the password".to_owned())
    }

    fn conclude(&self, _is_accepted: bool) -> Option<String> {
        None
    }
}

/// One secret of these parts, without copies that are not wiped.
pub(super) fn join(parts: &[&[u8]]) -> Secret {
    let mut joined = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        joined.extend_from_slice(part);
    }
    Secret::new(std::mem::take(&mut joined))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{account, answers};
    use super::*;

    #[test]
    fn the_examples_of_rfc_4616_are_sent() {
        let secret = Secret::new(b"tanstaaftanstaaf".to_vec());
        assert_eq!(answers(start(&account("tim", &secret)), &[b""]), [&b"\0tim\0tanstaaftanstaaf"[..]]);
        let secret = Secret::new(b"xipj3plmq".to_vec());
        let account = Account { authzid: Some("Ursel"), ..account("Kurt", &secret) };
        assert_eq!(answers(start(&account), &[b""]), [&b"Ursel\0Kurt\0xipj3plmq"[..]]);
    }

    #[test]
    fn the_password_is_sent_once() {
        let secret = Secret::new(b"tanstaaftanstaaf".to_vec());
        let mut plain = start(&account("tim", &secret)).ok().unwrap();
        assert!(plain.answer(b"").is_ok());
        assert!(plain.answer(b"once more").is_err());
    }
}
