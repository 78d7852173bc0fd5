//! The form that a token endpoint is sent (RFC 6749 appendix B).

use zeroize::Zeroizing;

use crate::credentials::redactor::MASK;
use crate::credentials::secret::Secret;

/// A form as browsers send it (`application/x-www-form-urlencoded`).
#[derive(Default)]
pub struct Form {
    /// The bytes that are sent.
    pub(super) sent: Zeroizing<Vec<u8>>,
    /// The same with `***` in the place of each secret.
    pub(super) shown: String,
}

impl Form {
    /// Adds a field that may be shown.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let encoded = encode(value.as_bytes());
        let shown = String::from_utf8_lossy(&encoded).into_owned();
        self.add_encoded(name, &encoded, &shown);
    }

    /// Adds a field whose value is a secret.
    pub(super) fn add_secret(&mut self, name: &str, value: &Secret) {
        self.add_encoded(name, &encode(value.expose()), MASK);
    }

    fn add_encoded(&mut self, name: &str, encoded: &[u8], shown: &str) {
        let separator = if self.shown.is_empty() { "" } else { "&" };
        let name = format!("{separator}{name}=");
        self.sent.extend_from_slice(name.as_bytes());
        self.sent.extend_from_slice(encoded);
        self.shown += &name;
        self.shown += shown;
    }
}

/// A value as the form has it.
fn encode(value: &[u8]) -> Zeroizing<Vec<u8>> {
    encode_with(value, FORM, show_capital)
}

/// Every form in which a server may have a percent-encoded value: by the rules of forms or of URIs, with capital or small
/// letters in its digits.
pub(super) fn list_encodings(value: &[u8]) -> [Zeroizing<Vec<u8>>; 4] {
    [
        encode_with(value, FORM, show_capital),
        encode_with(value, FORM, show_small),
        encode_with(value, URI, show_capital),
        encode_with(value, URI, show_small),
    ]
}

/// A way of percent-encoding.
#[derive(Clone, Copy)]
struct Rules {
    /// The signs that stay as they are, besides letters and digits.
    kept: &'static [u8],
    blank: &'static [u8],
}

const FORM: Rules = Rules { kept: b"-._*", blank: b"+" };

/// RFC 3986 section 2.3.
const URI: Rules = Rules { kept: b"-._~", blank: b"%20" };

fn encode_with(value: &[u8], rules: Rules, show: fn(u8) -> String) -> Zeroizing<Vec<u8>> {
    let mut encoded = Zeroizing::new(Vec::with_capacity(value.len() * 3));
    for &byte in value {
        match byte {
            b' ' => encoded.extend_from_slice(rules.blank),
            byte if byte.is_ascii_alphanumeric() || rules.kept.contains(&byte) => encoded.push(byte),
            byte => encoded.extend_from_slice(show(byte).as_bytes()),
        }
    }
    encoded
}

fn show_capital(byte: u8) -> String {
    format!("%{byte:02X}")
}

fn show_small(byte: u8) -> String {
    format!("%{byte:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_every_byte_of_a_secret_and_shows_none() {
        let mut form = Form::default();
        form.add("client_id", "a b");
        form.add_secret("client_secret", &Secret::new("p&=+%~ü".into()));
        form.add("scope", "x");
        assert_eq!(*form.sent, b"client_id=a+b&client_secret=p%26%3D%2B%25%7E%C3%BC&scope=x");
        assert_eq!(form.shown, "client_id=a+b&client_secret=***&scope=x");
    }

    #[test]
    fn a_value_is_listed_in_every_form_of_percent_encoding() {
        let listed = list_encodings(b"a b~*+");
        let listed: Vec<_> = listed.iter().map(|form| String::from_utf8_lossy(form)).collect();
        assert_eq!(listed, ["a+b%7E*%2B", "a+b%7e*%2b", "a%20b~%2A%2B", "a%20b~%2a%2b"]);
    }
}
