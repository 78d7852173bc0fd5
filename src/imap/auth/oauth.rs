//! XOAUTH2, as Google and Microsoft document it, and OAUTHBEARER (RFC 7628): an access token in one message. A server that
//! refuses the token says why in a challenge, which must be answered before the refusal itself comes.

use serde_json::Value;

use super::plain::join;
use super::prepare::escape_name;
use super::{Account, Exchange, Mechanism, Wants, Way};
use crate::credentials::secret::Secret;
use crate::failure::Failure;

pub(super) static XOAUTH2: Mechanism = Mechanism {
    name: "xoauth2",
    help: "an OAuth 2.0 access token, as Microsoft 365 and Google want it",
    wants: Wants::Token,
    sends_secret: true,
    takes_authzid: false,
    way: Way::Sasl { name: "XOAUTH2", start: start_xoauth2 },
};

pub(super) static OAUTHBEARER: Mechanism = Mechanism {
    name: "oauthbearer",
    help: "an OAuth 2.0 access token, as the standard has it (RFC 7628)",
    wants: Wants::Token,
    sends_secret: true,
    takes_authzid: true,
    way: Way::Sasl { name: "OAUTHBEARER", start: start_oauthbearer },
};

/// What an answer of RFC 7628 section 3.2.3 consists of.
const ACKNOWLEDGEMENT: &[u8] = b"\x01";

/// The message, until it is sent.
struct Bearer {
    message: Option<Secret>,
    /// The answer to the challenge that refuses the token.
    acknowledgement: &'static [u8],
    /// What that challenge said.
    refusal: Option<String>,
}

#[allow(clippy::unnecessary_wraps, reason = "other mechanisms cannot always begin")]
fn start_xoauth2(account: &Account<'_>) -> Result<Box<dyn Exchange>, Failure> {
    let parts = [b"user=", account.username.as_bytes(), b"\x01auth=Bearer ", account.secret.expose(), b"\x01\x01"];
    Ok(Box::new(Bearer { message: Some(join(&parts)), acknowledgement: b"", refusal: None }))
}

#[allow(clippy::unnecessary_wraps, reason = "other mechanisms cannot always begin")]
fn start_oauthbearer(account: &Account<'_>) -> Result<Box<dyn Exchange>, Failure> {
    let user = escape_name(account.authzid.unwrap_or(account.username));
    let head = format!("n,a={user},\x01host={}\x01port={}\x01auth=Bearer ", account.host, account.port);
    let parts = [head.as_bytes(), account.secret.expose(), b"\x01\x01"];
    Ok(Box::new(Bearer { message: Some(join(&parts)), acknowledgement: ACKNOWLEDGEMENT, refusal: None }))
}

impl Exchange for Bearer {
    fn answer(&mut self, challenge: &[u8]) -> Result<Secret, String> {
        if let Some(message) = self.message.take() {
            return Ok(message);
        }
        if self.refusal.is_some() {
            return Err("the server asks for more than the token".to_owned());
        }
        self.refusal = Some(describe_refusal(challenge));
        Ok(Secret::new(self.acknowledgement.to_vec()))
    }

    fn conclude(&self, is_accepted: bool) -> Option<String> {
        self.refusal.clone().filter(|_| !is_accepted)
    }
}

/// `status invalid_token, scope example_scope` (RFC 7628 section 3.2.2); a text that is no such JSON as it is.
fn describe_refusal(challenge: &[u8]) -> String {
    let json: Value = serde_json::from_slice(challenge).unwrap_or_default();
    let describe = |key: &str| match json.get(key)? {
        Value::String(text) if !text.is_empty() => Some(format!("{key} {text}")),
        Value::Number(number) => Some(format!("{key} {number}")),
        _ => None,
    };
    let parts: Vec<String> = ["status", "scope"].into_iter().filter_map(describe).collect();
    let said = if parts.is_empty() { String::from_utf8_lossy(challenge).into_owned() } else { parts.join(", ") };
    let colon = if said.is_empty() { "" } else { ": " };
    format!("the server refused the token{colon}{said}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{account, answers};
    use super::*;

    const TOKEN: &[u8] = b"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";

    #[test]
    fn the_messages_are_those_of_rfc_7628_and_of_the_providers() {
        let token = Secret::new(TOKEN.to_vec());
        let account = Account { host: "server.example.com", port: 143, ..account("user@example.com", &token) };
        let bearer = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01\
            auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01";
        assert_eq!(answers(start_oauthbearer(&account), &[b""]), [&bearer[..]]);
        let xoauth2 = b"user=user@example.com\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01";
        assert_eq!(answers(start_xoauth2(&account), &[b""]), [&xoauth2[..]]);
        let other = Account { authzid: Some("a,b=c"), ..account };
        assert!(answers(start_oauthbearer(&other), &[b""])[0].starts_with(b"n,a=a=2Cb=3Dc,\x01host="));
    }

    #[test]
    fn a_refusal_is_answered_and_reported() {
        let token = Secret::new(TOKEN.to_vec());
        let account = account("joe", &token);
        let challenge = br#"{"status":"invalid_token","schemes":"bearer","scope":"example_scope"}"#;
        for (start, acknowledgement) in [(start_xoauth2(&account), &b""[..]), (start_oauthbearer(&account), b"\x01")] {
            let mut exchange = start.ok().unwrap();
            assert!(exchange.answer(b"").is_ok());
            assert_eq!(exchange.answer(challenge).ok().unwrap().expose(), acknowledgement);
            let said = "the server refused the token: status invalid_token, scope example_scope";
            assert_eq!(exchange.conclude(false).as_deref(), Some(said));
            assert_eq!(exchange.conclude(true), None);
            assert!(exchange.answer(challenge).is_err());
        }
    }

    #[test]
    fn a_refusal_in_other_words_is_reported_as_it_is() {
        let describe = |challenge: &[u8]| describe_refusal(challenge).replace("the server refused the token: ", "");
        assert_eq!(describe(br#"{"status":401,"scope":""}"#), "status 401");
        assert_eq!(describe(br#"{"error":"expired"}"#), r#"{"error":"expired"}"#);
        assert_eq!(describe(b"go away"), "go away");
        assert_eq!(describe(b""), "the server refused the token");
    }
}
