//! Bytes that are never printed and are wiped when dropped.

use zeroize::Zeroizing;

/// A password, or another secret. No `Debug`, no `Display`.
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
