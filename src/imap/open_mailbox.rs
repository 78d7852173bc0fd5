//! What the server said of the mailbox that is open, in untagged data and response codes (RFC 9051 section 7).

use super::response::{read_number, strip_prefix_no_case};

/// Each field is none if the server did not say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenMailbox {
    /// How many messages it has (EXISTS).
    pub exists: Option<u32>,
    /// Whether messages can be flagged \Deleted (PERMANENTFLAGS).
    pub can_delete: Option<bool>,
    /// UIDs mean the same messages only while this number stays the same (UIDVALIDITY).
    pub uid_validity: Option<u32>,
    /// Whether it was opened, or is being opened, by SELECT.
    pub is_for_writing: bool,
}

impl OpenMailbox {
    /// Takes the response code at the beginning of a status response's text, if it has one.
    pub(super) fn note_code(&mut self, text: &[u8]) {
        let code = text.split(|&byte| byte == b']').next().unwrap_or_default();
        if let Some(flags) = strip_prefix_no_case(code, b"[PERMANENTFLAGS ") {
            let mut words = flags.split(|byte| b" ()".contains(byte));
            self.can_delete = Some(words.any(|flag| flag.eq_ignore_ascii_case(br"\Deleted")));
        } else if let Some(number) = strip_prefix_no_case(code, b"[UIDVALIDITY ") {
            self.uid_validity = read_number(number);
        } else if code.eq_ignore_ascii_case(b"[CLOSED") {
            // All that came before was of the mailbox that was open until now.
            *self = Self { is_for_writing: self.is_for_writing, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_of_the_mailbox_that_is_open_and_forgotten_with_it() {
        let mut mailbox = OpenMailbox { exists: Some(9), is_for_writing: true, ..OpenMailbox::default() };
        mailbox.note_code(br"[PERMANENTFLAGS (\Seen \deleted \*)] Flags permitted.");
        mailbox.note_code(b"[UIDVALIDITY 1795688211] UIDs valid");
        mailbox.note_code(b"[UNSEEN 1] First unseen.");
        let wanted = OpenMailbox {
            exists: Some(9),
            can_delete: Some(true),
            uid_validity: Some(1_795_688_211),
            is_for_writing: true,
        };
        assert_eq!(mailbox, wanted);
        mailbox.note_code(b"[CLOSED] Previous mailbox closed.");
        assert_eq!(mailbox, OpenMailbox { is_for_writing: true, ..OpenMailbox::default() });
        mailbox.note_code(b"[PERMANENTFLAGS ()] Read-only mailbox.");
        assert_eq!(mailbox.can_delete, Some(false));
    }
}
