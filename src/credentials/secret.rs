//! The password: a type that does not print and is wiped, and the masking of whatever a server says of it.

use crate::text;
use base64::prelude::{BASE64_STANDARD, Engine};
use zeroize::Zeroizing;

/// What stands in the output in place of a secret.
pub const MASK: &str = "***";

/// What is looked at of a line: far more than is shown of it, and far less than a server can send.
const MAX_BYTES: usize = 64 * 1024;

/// Bytes that are never printed and are wiped when dropped. No `Debug`, no `Display`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Whether IMAP can carry it at all (RFC 9051 section 9, `CHAR8`).
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.0.is_empty() {
            return Err("the password is empty");
        }
        if self.0.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err("the password has a NUL or a line end, which IMAP cannot carry");
        }
        Ok(())
    }

    /// The bytes, for the wire alone.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// Cleans server text and masks in it every form in which the password could come back.
pub struct Redactor {
    /// Longest first, so that a short form does not tear a longer one.
    forms: Vec<Zeroizing<Vec<u8>>>,
}

impl Redactor {
    /// Knows the password plain, quoted (RFC 9051 section 4.3) and in base64, alone and as SASL PLAIN
    /// sends it (RFC 4616).
    #[must_use]
    pub fn new(username: &str, password: &Secret) -> Self {
        let plain = password.expose();
        let user = username.as_bytes();
        let base64 = |parts: &[&[u8]]| {
            let joined = Zeroizing::new(parts.concat());
            let mut encoded = Zeroizing::new(BASE64_STANDARD.encode(joined.as_slice()).into_bytes());
            encoded.retain(|byte| *byte != b'=');
            encoded
        };
        let mut forms = vec![
            Zeroizing::new(plain.to_vec()),
            quoted(plain),
            base64(&[plain]),
            base64(&[b"\0", user, b"\0", plain]),
            base64(&[user, b"\0", user, b"\0", plain]),
        ];
        forms.retain(|form| !form.is_empty());
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self { forms }
    }

    /// One clean, masked line of at most [`text::MAX_CHARS`] characters.
    #[must_use]
    pub fn clean(&self, bytes: &[u8]) -> String {
        let mut masked = self.mask(bytes.get(..MAX_BYTES).unwrap_or(bytes));
        if bytes.len() > MAX_BYTES {
            // A form could stand across the cut.
            let longest = self.forms.first().map_or(0, |form| form.len());
            masked.truncate(masked.len().saturating_sub(longest));
        }
        // Masked twice: cleaning could turn `a<TAB>b` into a password with a space.
        let line = text::one_line(&masked);
        text::shorten(&String::from_utf8_lossy(&self.mask(line.as_bytes())))
    }

    fn mask(&self, bytes: &[u8]) -> Vec<u8> {
        let mut masked = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((first, tail)) = rest.split_first() {
            if let Some(after) = self.forms.iter().find_map(|form| rest.strip_prefix(form.as_slice())) {
                masked.extend_from_slice(MASK.as_bytes());
                rest = after;
            } else {
                masked.push(*first);
                rest = tail;
            }
        }
        masked
    }
}

/// The text of an IMAP quoted string without its quotes: `"` and `\` escaped.
fn quoted(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut escaped = Zeroizing::new(Vec::with_capacity(text.len() * 2));
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(byte);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_password_is_masked() {
        let redactor = Redactor::new("joe", &Secret::new(br#"s3 "x"#.to_vec()));
        for leak in [&br#"s3 "x"#[..], br#"s3 \"x"#, b"s3\t\"x", b"czMgIng", b"AGpvZQBzMyAieA", b"am9lAGpvZQBzMyAieA"] {
            let line = [b"NO bad login: ", leak, b" (refused)"].concat();
            assert_eq!(redactor.clean(&line), "NO bad login: *** (refused)", "{}", String::from_utf8_lossy(leak));
        }
    }

    #[test]
    fn a_secret_is_masked_before_the_text_is_cut() {
        let redactor = Redactor::new("joe", &Secret::new(b"hunter2hunter2".to_vec()));
        let line = format!("{}hunter2hunter2", "x".repeat(190));
        assert!(!redactor.clean(line.as_bytes()).contains("hunter"));
        let line = format!("{}hunter2hunter2", " ".repeat(MAX_BYTES - 7));
        assert_eq!(redactor.clean(line.as_bytes()), "");
    }
}
