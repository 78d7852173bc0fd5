//! The form that a token endpoint is sent (RFC 6749 appendix B).

use zeroize::Zeroizing;

/// A form as browsers send it (`application/x-www-form-urlencoded`).
#[derive(Default)]
pub(super) struct Form(pub(super) Zeroizing<Vec<u8>>);

impl Form {
    /// Adds a field.
    pub(super) fn add(&mut self, name: &str, value: &[u8]) {
        if !self.0.is_empty() {
            self.0.push(b'&');
        }
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'=');
        self.0.extend_from_slice(&encode(value));
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
    fn a_form_keeps_every_byte_of_a_secret() {
        let mut form = Form::default();
        form.add("client_id", b"a b");
        form.add("client_secret", "p&=+%~ü".as_bytes());
        assert_eq!(*form.0, b"client_id=a+b&client_secret=p%26%3D%2B%25%7E%C3%BC");
    }
}
