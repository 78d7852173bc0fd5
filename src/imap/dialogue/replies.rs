//! What the server says: greeting, replies, and the untagged responses between them (RFC 9051 section 7).

use super::super::response::{
    Capabilities, Status, Untagged, has_telling_code, read_status, split_status, strip_prefix_no_case,
};
use super::{Dialogue, OnUntagged, Standing};
use crate::failure::Failure;
use crate::remark::Remark;

/// Remarks of a phase that are handed on.
const MAX_REMARKS: usize = 8;
/// Dovecot's text before its real greeting, while its authentication process starts.
const PROVISIONAL: &[u8] = b"Waiting for authentication process to respond";

/// What ends the reading.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The tagged reply.
    Reply,
    /// The server's `+`.
    Continuation,
    /// The one or the other.
    Either,
}

/// What ended the reading.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// The tagged reply: OK.
    Reply,
    /// The server's `+`.
    Continuation,
}

impl Dialogue {
    /// Reads the greeting (RFC 9051 section 7.1), a provisional one before it included.
    ///
    /// # Errors
    /// `BYE`, something that is not IMAP, a lost connection.
    pub fn read_greeting(&mut self) -> Result<(), Failure> {
        loop {
            self.reader.read_response()?;
            let Some((status, text)) = self.reader.line.strip_prefix(b"* ").and_then(split_status) else {
                return Err(Failure::lost(format!("not an IMAP greeting: {}", self.reader.describe_line())));
            };
            // A line that has arrived behind the first greeting may be the real one.
            let next = self.reader.stream.buffered().strip_prefix(b"* ").and_then(read_status);
            let another_waits = matches!(next, Some(Status::Ok | Status::PreAuth | Status::Bye));
            let is_provisional = text.starts_with(PROVISIONAL) || another_waits;
            self.take_untagged(&mut |_| {});
            match status {
                Status::Ok if is_provisional => {}
                Status::Ok => return Ok(()),
                Status::PreAuth => {
                    self.standing = Standing::Preauthenticated;
                    return Ok(());
                }
                Status::Bye => return Err(Failure::lost(self.reader.describe_line())),
                Status::No | Status::Bad => {
                    return Err(Failure::lost(format!("not an IMAP greeting: {}", self.reader.describe_line())));
                }
            }
        }
    }

    /// Reads all that has arrived, the end of the connection included, without waiting for more.
    ///
    /// # Errors
    /// As [`Dialogue::take_early_lines`].
    pub fn take_arrived(&mut self) -> Result<(), Failure> {
        loop {
            self.take_early_lines()?;
            if !self.reader.read_arrived()? {
                return Ok(());
            }
        }
    }

    /// Takes the lines that are in the buffer. Before a command is sent, they are no answer to that command.
    ///
    /// # Errors
    /// `BYE`, a tagged reply, a lost connection.
    pub fn take_early_lines(&mut self) -> Result<(), Failure> {
        while self.reader.stream.buffered().contains(&b'\n') {
            self.reader.read_response()?;
            if !self.reader.line.starts_with(b"* ") {
                let line = self.reader.describe_line();
                return Err(Failure::lost(format!("the server answered before it was asked: {line}")));
            }
            if self.take_untagged(&mut |_| {}) == Some(Status::Bye) {
                return Err(self.reader.explain_loss("connection closed by the server".into()));
            }
        }
        Ok(())
    }

    /// Reads to the tagged reply, or to the server's `+`.
    pub(super) fn read_until(
        &mut self,
        tag: &[u8],
        awaited: Awaited,
        on_untagged: OnUntagged<'_>,
    ) -> Result<Arrived, Failure> {
        loop {
            self.reader.read_response()?;
            if self.reader.line.starts_with(b"* ") {
                if self.take_untagged(on_untagged) == Some(Status::Bye) && !self.is_leaving {
                    return Err(self.reader.explain_loss("connection closed by the server".into()));
                }
                continue;
            }
            if awaited != Awaited::Reply && self.reader.line.starts_with(b"+") {
                return Ok(Arrived::Continuation);
            }
            let reply =
                self.reader.line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(b" ")).and_then(split_status);
            let reply = reply.map(|(status, text)| (status, Capabilities::in_code(text), has_telling_code(text)));
            return match reply {
                Some((Status::Ok, listed, is_telling)) if awaited != Awaited::Continuation => {
                    self.note_capabilities(listed);
                    self.note_remark(is_telling);
                    Ok(Arrived::Reply)
                }
                Some((Status::Bye, ..)) if self.is_leaving => Ok(Arrived::Reply),
                Some((Status::No | Status::Bad, ..)) => {
                    // An alert is one in a refusal, too.
                    self.note_remark(false);
                    Err(Failure::refused(self.reader.describe_line()))
                }
                _ => Err(Failure::lost(format!("the server answered something else: {}", self.reader.describe_line()))),
            };
        }
    }

    /// Keeps capabilities and `BYE` of the untagged response that was just read, and returns its status word, if it has
    /// one. All other responses go to `on_untagged`.
    fn take_untagged(&mut self, on_untagged: OnUntagged<'_>) -> Option<Status> {
        let data = self.reader.line.strip_prefix(b"* ").unwrap_or_default();
        if let Some((status, text)) = split_status(data) {
            self.mailbox.note_code(text);
            let is_read_only = strip_prefix_no_case(text, b"[READ-ONLY]").is_some();
            let is_telling = match status {
                Status::No | Status::Bad => true,
                Status::Ok | Status::PreAuth => has_telling_code(text),
                // It is the reason of a loss, or expected.
                Status::Bye => false,
            };
            self.said_bye |= status == Status::Bye;
            let listed = Capabilities::in_code(text);
            self.note_capabilities(listed);
            self.note_remark(is_telling);
            // It may also change while the mailbox is open (RFC 9051 section 7.1).
            if self.mailbox.is_for_writing && is_read_only && self.remarks < MAX_REMARKS {
                self.report(Remark::ReadOnly);
            }
            return Some(status);
        }
        if let Some(list) = strip_prefix_no_case(data, b"CAPABILITY ") {
            let listed = Some(Capabilities::read(list));
            self.note_capabilities(listed);
        } else if let Some(data) = self.reader.join_data() {
            let untagged = Untagged::new(&data);
            self.mailbox.exists = untagged.read_number_before("EXISTS").or(self.mailbox.exists);
            on_untagged(&untagged);
        }
        None
    }

    /// Hands on what the user should know of the status response that was just read. A flood is cut off.
    fn note_remark(&mut self, is_telling: bool) {
        if (is_telling || self.reader.has_alert) && self.remarks < MAX_REMARKS {
            let remark = match self.reader.describe_alert() {
                Some(alert) => Remark::Alert(alert),
                None => Remark::Warning(self.reader.describe_line()),
            };
            self.report(remark);
        }
    }

    /// Hands on a remark about the running phase.
    pub fn report(&mut self, remark: Remark) {
        self.remarks += 1;
        (self.on_remark)(remark);
    }

    fn note_capabilities(&mut self, listed: Option<Capabilities>) {
        self.capabilities = listed.or(self.capabilities.take());
    }
}
