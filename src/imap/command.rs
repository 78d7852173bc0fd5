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

/// How a word is written.
#[derive(Clone, Copy, PartialEq, Eq)]
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

    pub(super) fn choose_form(&self, capabilities: Option<&Capabilities>, without_literals: bool) -> Form {
        let text = self.bytes();
        let takes_at_once =
            |can: &Capabilities| can.has("LITERAL+") || (can.has("LITERAL-") && text.len() <= MAX_MINUS);
        match self {
            Self::Atom(_) => Form::Atom,
            Self::Continued(_) => Form::Line,
            _ if without_literals || is_plain(text) => Form::Quoted,
            _ if capabilities.is_some_and(takes_at_once) => Form::LiteralPlus,
            _ => Form::Literal,
        }
    }

    /// Whether it is a word, or a text that a quoted string can hold (RFC 9051 section 4.3).
    pub(super) fn can_be_quoted(&self) -> bool {
        let can_hold = |byte: &u8| byte.is_ascii() && !matches!(byte, b'\0' | b'\r' | b'\n');
        matches!(self, Self::Atom(_)) || self.bytes().iter().all(can_hold)
    }

    /// Whether it has lines of its own.
    pub(super) fn is_message(&self) -> bool {
        self.bytes().contains(&b'\n')
    }

    /// Adds the word to the line that is to be sent. The announcement of a literal that the server must agree to stands in
    /// the line before.
    pub(super) fn write(&self, form: Form, line: &mut Vec<u8>) {
        let text = self.bytes();
        match form {
            Form::Atom | Form::Literal | Form::Line => line.extend_from_slice(text),
            Form::LiteralPlus => {
                line.extend_from_slice(format!("{{{}+}}\r\n", text.len()).as_bytes());
                line.extend_from_slice(text);
            }
            Form::Quoted => {
                line.push(b'"');
                for &byte in text {
                    if matches!(byte, b'"' | b'\\') {
                        line.push(b'\\');
                    }
                    line.push(byte);
                }
                line.push(b'"');
            }
        }
    }

    /// For the log, without the secret and without the text of a literal.
    pub(super) fn show(&self, form: Form) -> String {
        match self {
            Self::Atom(atom) | Self::Continued(atom) => (*atom).to_owned(),
            Self::Text(_) | Self::Secret(_) if matches!(form, Form::Literal | Form::LiteralPlus) => {
                format!("{{{}}}", self.bytes().len())
            }
            Self::Text(text) => format!("\"{}\"", String::from_utf8_lossy(text)),
            Self::Secret(_) => MASK.to_owned(),
        }
    }
}

/// Printable ASCII without `"` and `\`: some servers take those, and 8-bit text, only in a literal.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}
