//! Cleans text of a server and masks every form in which it could repeat a secret.

use base64::prelude::{BASE64_STANDARD, Engine};
use zeroize::Zeroizing;

use super::secret::Secret;
use crate::text;

/// The text that the output has in place of a secret.
pub const MASK: &str = "***";

/// Bytes of a line that are looked at: far more than is shown of it, and far less than a server can send.
pub const MAX_BYTES: usize = 64 * 1024;
/// Shorter parts of base64 text occur in any text.
const MIN_BASE64: usize = 4;

/// Cleans text of a server and masks each secret in it: plain, quoted, and in base64.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first. If a short form were masked first, the rest of a longer one that contains it would remain.
    forms: Vec<Zeroizing<Vec<u8>>>,
}

impl Redactor {
    /// Knows the password plain, quoted (RFC 9051 section 4.3) and in base64: alone, as SASL PLAIN sends it (RFC 4616), and
    /// anywhere inside a longer encoded text. An empty password is none.
    #[must_use]
    pub fn new(username: &str, password: &Secret) -> Self {
        Self::of_all(username, [password.expose()])
    }

    /// The same for several secrets.
    #[must_use]
    pub fn of_all<'a>(username: &str, secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut redactor = Self { forms: Vec::new() };
        redactor.extend(username, secrets);
        redactor
    }

    /// Masks another secret, too.
    pub fn add(&mut self, username: &str, secret: &Secret) {
        self.extend(username, [secret.expose()]);
    }

    fn extend<'a>(&mut self, username: &str, secrets: impl IntoIterator<Item = &'a [u8]>) {
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty());
        self.forms.extend(secrets.flat_map(|secret| list_forms(username, secret)));
        self.forms.retain(|form| !form.is_empty());
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        self.forms.dedup();
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
        let line = text::clean_line(&masked);
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

/// Every form in which a text may have this secret.
fn list_forms(username: &str, plain: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let user = username.as_bytes();
    let mut forms = vec![
        Zeroizing::new(plain.to_vec()),
        quote(plain),
        encode(&[plain]),
        encode(&[b"\0", user, b"\0", plain]),
        encode(&[user, b"\0", user, b"\0", plain]),
    ];
    forms.extend((0..3).map(|before| encode_inside(before, plain)).filter(|form| form.len() >= MIN_BASE64));
    let url_safe: Vec<_> = forms.iter().skip(2).map(make_url_safe).collect();
    forms.extend(url_safe);
    forms
}

/// The text of an IMAP quoted string without its quotes: `"` and `\` escaped.
fn quote(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut escaped = Zeroizing::new(Vec::with_capacity(text.len() * 2));
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(byte);
    }
    escaped
}

/// Base64 of these parts, without padding.
fn encode(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let joined = Zeroizing::new(parts.concat());
    let mut encoded = Zeroizing::new(BASE64_STANDARD.encode(joined.as_slice()).into_bytes());
    encoded.retain(|byte| *byte != b'=');
    encoded
}

/// The same base64 with the alphabet for URLs (RFC 4648 section 5).
fn make_url_safe(encoded: &Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let replace = |&byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        byte => byte,
    };
    Zeroizing::new(encoded.iter().map(replace).collect())
}

/// Those characters of base64 that depend on the secret alone, if so many bytes (modulo 3) stand before it. Base64 makes
/// four characters of three bytes, so a text inside a longer one has one of three forms.
fn encode_inside(before: usize, secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut encoded = encode(&[[0; 2].get(..before).unwrap_or_default(), secret]);
    // A character has six bits: the first ones share bits with the text before, the last one with the text behind.
    let whole = (before + secret.len()) * 8 / 6;
    encoded.truncate(whole);
    encoded.drain(..(before * 8).div_ceil(6).min(whole));
    encoded
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
    fn another_form_of_the_password_is_masked_beside_it_and_no_password_is_none() {
        let mut redactor = Redactor::new("joe", &Secret::new("pa\u{308}ss".into()));
        redactor.add("joe", &Secret::new("p\u{e4}ss".into()));
        assert_eq!(redactor.clean("a pa\u{308}ss b p\u{e4}ss c".as_bytes()), "a *** b *** c");
        let redactor = Redactor::new("joe", &Secret::new(Vec::new()));
        assert_eq!(redactor.clean(b"NO AGpvZQA joe"), "NO AGpvZQA joe");
    }

    #[test]
    fn a_secret_inside_a_longer_encoded_text_is_masked_wherever_it_stands() {
        let redactor = Redactor::new("joe", &Secret::new(b"hunter2-hunter2".to_vec()));
        for before in 0..4 {
            let text = format!("{}hunter2-hunter2, and more", "x".repeat(before));
            let line = redactor.clean(BASE64_STANDARD.encode(&text).as_bytes());
            let (start, end) = line.split_once(MASK).expect("it is masked");
            let leaked = BASE64_STANDARD.encode(text).len() - start.len() - end.len();
            assert!(leaked >= 19, "{before}: {line}");
        }
    }

    #[test]
    fn base64_for_urls_is_masked_too() {
        let redactor = Redactor::new("joe", &Secret::new(b">>>???~~~>>>??".to_vec()));
        let encoded = BASE64_STANDARD.encode(b">>>???~~~>>>??").replace('+', "-").replace('/', "_");
        assert!(redactor.clean(encoded.as_bytes()).starts_with(MASK), "{encoded}");
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
