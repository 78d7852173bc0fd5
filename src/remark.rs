//! Remarks of a server: text that it sends unasked, beside the answer to a command.

use std::fmt;

/// Something that the server said in a phase and that its outcome does not show; text is clean for output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Text that users must be shown (RFC 9051 section 7.1, `ALERT`).
    Alert(String),
    /// A mailbox that SELECT should open for writing can only be read (`READ-ONLY`).
    ReadOnly,
    /// A warning, or a response code that is not data.
    Warning(String),
}

impl Remark {
    /// The text of an alert.
    #[must_use]
    pub fn alert(&self) -> Option<&str> {
        if let Self::Alert(text) = self { Some(text) } else { None }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(text) => write!(formatter, "alert of the server: {text}"),
            Self::ReadOnly => formatter.write_str("the server opened it read-only"),
            Self::Warning(text) => write!(formatter, "the server said {text}"),
        }
    }
}
