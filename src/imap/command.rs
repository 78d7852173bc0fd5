//! The words of a command, and how each is written on the wire (RFC 9051 sections 4 and 9).

use super::response::Capabilities;
use crate::credentials::redactor::MASK;
use crate::credentials::secret::Secret;

/// LITERAL- (RFC 7888 section 5) allows no longer literal without a `+` of the server.
const MAX_MINUS: usize = 4096;

/// An argument of a command.
#[derive(Clone, Copy)]
pub enum Word<'a> {
    /// A word that is sent without quotes.
    Atom(&'a str),
    /// A string: quoted if every server reads that, else a literal.
    Text(&'a [u8]),
    /// The same, shown as `***`.
    Secret(&'a Secret),
    /// A line of its own, sent once the server has said `+` (RFC 9051 section 7.6).
    Continued(&'a str),
}

/// How a string is written.
pub(super) enum Form {
    Atom,
    Quoted,
    /// A literal that is sent at once (RFC 7888).
    LiteralPlus,
    /// A literal for which the server's `+` must be awaited.
    Literal,
    /// A line for which the server's `+` must be awaited.
    Line,
}

impl Word<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Atom(atom) | Self::Continued(atom) => atom.as_bytes(),
            Self::Text(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }

    pub(super) fn choose_form(&self, capabilities: Option<&Capabilities>) -> Form {
        let text = self.bytes();
        let takes_at_once =
            |can: &Capabilities| can.has("LITERAL+") || (can.has("LITERAL-") && text.len() <= MAX_MINUS);
        match self {
            Self::Atom(_) => Form::Atom,
            Self::Continued(_) => Form::Line,
            _ if is_quotable(text) => Form::Quoted,
            _ if capabilities.is_some_and(takes_at_once) => Form::LiteralPlus,
            _ => Form::Literal,
        }
    }

    /// For the log, without the secret and without the text of a literal.
    pub(super) fn show(&self) -> String {
        match self {
            Self::Atom(atom) | Self::Continued(atom) => (*atom).to_owned(),
            Self::Text(text) if !is_quotable(text) => format!("{{{}}}", text.len()),
            Self::Text(text) => format!("\"{}\"", String::from_utf8_lossy(text)),
            Self::Secret(_) => MASK.to_owned(),
        }
    }
}

/// Printable ASCII without `"` and `\`: some servers take those, and 8-bit text, only in a literal.
fn is_quotable(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}
