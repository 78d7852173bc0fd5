//! Bytes that are never printed and are wiped when dropped.

use zeroize::Zeroizing;

/// A byte order mark, as editors on Windows put it in front of a text, and its encoding.
const BYTE_ORDER_MARKS: [(&[u8], &str); 3] =
    [(b"\xef\xbb\xbf", "UTF-8"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")];

/// A password, or another secret. No `Debug`, no `Display`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Whether IMAP can carry it at all (RFC 9051 section 9, `CHAR8`), and nothing stands in front that nobody has typed.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), String> {
        if self.0.is_empty() {
            return Err("it is empty".to_owned());
        }
        if let Some((_, encoding)) = BYTE_ORDER_MARKS.iter().find(|(mark, _)| self.0.starts_with(mark)) {
            return Err(format!("it begins with a byte order mark ({encoding}), save it as UTF-8 without one"));
        }
        if self.0.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err("it has a NUL or a line end, which IMAP cannot carry".to_owned());
        }
        Ok(())
    }

    /// The bytes, for the wire alone.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}
