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
pub(super) fn encode(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut encoded = Zeroizing::new(Vec::with_capacity(value.len() * 3));
    for &byte in value {
        match byte {
            b' ' => encoded.push(b'+'),
            byte if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) => encoded.push(byte),
            byte => encoded.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    encoded
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
}
