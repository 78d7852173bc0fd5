//! The IMAP dialogue: tagged commands, their replies, and the untagged responses between them (RFC 9051 sections 2.2 and
//! 7). A client must accept any untagged response at any time. The commands themselves are in `operation`.

mod authenticate;
mod replies;

use std::sync::Arc;

use zeroize::Zeroizing;

use super::command::{Form, Word};
use super::last_words::LastWords;
use super::open_mailbox::OpenMailbox;
pub use super::reader::Log;
use super::reader::Reader;
use super::response::{Capabilities, Untagged, split_code};
use super::stream::Stream;
use crate::credentials::redactor::{MASK, Redactor};
use crate::failure::Failure;
use crate::net::tcp::Tcp;
use crate::net::tls::{ChannelBinding, TlsStream};
use crate::remark::Remark;
use replies::Awaited;

/// An IMAP connection.
pub struct Dialogue {
    reader: Reader,
    /// The capabilities that the server has reported, if it has.
    pub capabilities: Option<Capabilities>,
    /// What the server said of the mailbox that is open.
    pub mailbox: OpenMailbox,
    /// Whether the server knows who the client is.
    pub standing: Standing,
    on_remark: OnRemark,
    /// Remarks in this phase so far.
    remarks: usize,
    /// LOGOUT is sent: a `BYE` is expected.
    is_leaving: bool,
    /// `BYE` has come.
    said_bye: bool,
}

/// Whether the server knows who the client is (RFC 9051 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not authenticated.
    Unknown,
    /// The greeting was PREAUTH.
    Preauthenticated,
    /// A login has succeeded.
    LoggedIn,
}

/// Takes a remark of the server as soon as it is read.
pub type OnRemark = Box<dyn FnMut(Remark) + Send>;

/// Takes the untagged responses to a command.
type OnUntagged<'a> = &'a mut dyn FnMut(&Untagged<'_>);

/// Why a command was not done.
struct Refusal {
    failure: Failure,
    /// The server said no in place of the `+` that it should answer a literal with.
    is_of_literal: bool,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, is_of_literal: false }
    }
}

impl Dialogue {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(
        stream: Stream,
        redactor: Arc<Redactor>,
        log: Option<Log>,
        last_words: Arc<LastWords>,
        on_remark: OnRemark,
    ) -> Self {
        Self {
            reader: Reader::new(stream, redactor, log, last_words),
            capabilities: None,
            mailbox: OpenMailbox::default(),
            standing: Standing::Unknown,
            on_remark,
            remarks: 0,
            is_leaving: false,
            said_bye: false,
        }
    }

    /// Puts TLS under the dialogue. The capabilities that the server listed are forgotten (RFC 9051 section 6.2.1).
    ///
    /// # Errors
    /// Those of the handshake.
    pub fn encrypt(mut self, handshake: impl FnOnce(Tcp) -> Result<TlsStream, Failure>) -> Result<Self, Failure> {
        self.begin_phase();
        Ok(Self { reader: self.reader.encrypt(handshake)?, capabilities: None, ..self })
    }

    /// Begins to count bytes anew, and forgets the last line: it was of another phase.
    pub fn begin_phase(&mut self) {
        self.reader.begin_phase();
        self.remarks = 0;
    }

    /// Whether the server has sent something that is not read yet.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        !self.reader.stream.buffered().is_empty()
    }

    /// A piece of the server's text as it may be shown: one line, secrets masked.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.reader.clean(text.as_bytes())
    }

    /// Whether the server listed this capability.
    #[must_use]
    pub fn has_capability(&self, name: &str) -> bool {
        self.capabilities.as_ref().is_some_and(|can| can.has(name))
    }

    /// The login begins. Capabilities that were listed before it may not be those after it (RFC 9051 section 6.2.3).
    pub fn begin_login(&mut self) {
        if let Some(capabilities) = &mut self.capabilities {
            capabilities.is_current = false;
        }
    }

    /// The SASL mechanisms that the server has listed (RFC 9051 section 7.2.2). Clean for output.
    #[must_use]
    pub fn list_mechanisms(&self) -> Vec<String> {
        let listed = self.capabilities.as_ref().map(Capabilities::list_mechanisms).unwrap_or_default();
        listed.iter().map(|name| self.clean(name)).collect()
    }

    /// The value that stands for the TLS connection.
    ///
    /// # Errors
    /// Why there is none.
    pub fn find_binding(&self) -> Result<ChannelBinding, String> {
        self.reader.stream.find_binding()
    }

    /// Whether the server has this capability. Asks for the list if the login's reply had none.
    ///
    /// # Errors
    /// As [`Dialogue::command`].
    pub fn ask_for(&mut self, capability: &str) -> Result<bool, Failure> {
        if self.capabilities.as_ref().is_none_or(|listed| !listed.is_current) {
            self.command(&[Word::Atom("CAPABILITY")], |_| {})?;
        }
        Ok(self.has_capability(capability))
    }

    /// As [`Dialogue::ask_for`], for what cannot be done without it.
    ///
    /// # Errors
    /// The server does not have this capability; or as [`Dialogue::command`].
    pub fn require(&mut self, capability: &str) -> Result<(), Failure> {
        if self.ask_for(capability)? {
            return Ok(());
        }
        Err(Failure::refused(format!("the server does not have the capability {capability}")))
    }

    /// The text behind this name in the response code of the last tagged reply: the two numbers of
    /// `[APPENDUID 38505 3955]` (RFC 9051 section 7.1).
    #[must_use]
    pub fn find_code(&self, name: &str) -> Option<&str> {
        let line = str::from_utf8(&self.reader.line).ok()?;
        let (_, code) = line.split_once('[')?;
        let (word, values) = code.split_once(']')?.0.split_once(' ')?;
        word.eq_ignore_ascii_case(name).then_some(values)
    }

    /// Whether the last tagged reply has this response code without further data.
    #[must_use]
    pub fn has_code(&self, name: &str) -> bool {
        split_code(&self.reader.line, format!("{name}]").as_bytes()).is_some()
    }

    /// Sends a command and reads until its tagged reply; `on_untagged` gets the untagged responses that come between. If
    /// the server refuses a literal, the command is sent once more with quoted strings.
    ///
    /// # Errors
    /// The server's words for `NO` and `BAD`, after which the dialogue can go on, and for `BYE`; garbage; a lost connection.
    pub fn command(&mut self, words: &[Word<'_>], mut on_untagged: impl FnMut(&Untagged<'_>)) -> Result<(), Failure> {
        let first = match self.send_words(words, false, &mut on_untagged) {
            Err(refusal) if refusal.is_of_literal => refusal.failure,
            result => return result.map_err(|refusal| refusal.failure),
        };
        // A message can be nothing else, and the server has refused the message.
        if words.iter().any(Word::is_message) {
            return Err(first);
        }
        if !words.iter().all(Word::can_be_quoted) {
            return Err(first.with_hint("the server refused a literal, and only a literal can hold this text"));
        }
        let hint = format!("it refused a literal before: {}", first.reason());
        self.send_words(words, true, &mut on_untagged).map_err(|refusal| refusal.failure.with_hint(hint))
    }

    /// `without_literals` every string is quoted.
    fn send_words(
        &mut self,
        words: &[Word<'_>],
        without_literals: bool,
        on_untagged: OnUntagged<'_>,
    ) -> Result<(), Refusal> {
        self.take_early_lines()?;
        self.reader.tag += 1;
        let tag = format!("a{}", self.reader.tag);
        let room: usize = words.iter().map(|word| word.bytes().len() * 2 + 32).sum();
        // Large enough, so that it never grows and no copy of a secret stays behind unwiped.
        let mut line = Zeroizing::new(Vec::with_capacity(room + tag.len() + 2));
        line.extend_from_slice(tag.as_bytes());
        let capabilities = self.capabilities.clone().filter(|_| !without_literals);
        let choose = |word: &Word<'_>| word.choose_form(capabilities.as_ref(), without_literals);
        self.reader.log_command(&|| {
            let words = words.iter().filter(|word| !matches!(word, Word::Continued(_)));
            let words: Vec<String> = words.map(|word| word.show(choose(word))).collect();
            format!("{tag} {}", words.join(" "))
        });
        for word in words {
            let form = choose(word);
            line.extend_from_slice(if form == Form::Line { b"\r\n" } else { b" " });
            if matches!(form, Form::Literal | Form::Line) {
                if form == Form::Literal {
                    line.extend_from_slice(format!("{{{}}}\r\n", word.bytes().len()).as_bytes());
                }
                self.reader.send(&line)?;
                line.clear();
                self.read_until(tag.as_bytes(), Awaited::Continuation, on_untagged).map_err(|failure| Refusal {
                    is_of_literal: form == Form::Literal && matches!(failure, Failure::Refused(_)),
                    failure,
                })?;
                if form == Form::Line {
                    self.reader.log_command(&|| word.show(form));
                }
            }
            word.write(form, &mut line);
        }
        line.extend_from_slice(b"\r\n");
        self.reader.send(&line)?;
        self.read_until(tag.as_bytes(), Awaited::Reply, on_untagged)?;
        Ok(())
    }

    /// Sends LOGOUT (RFC 9051 section 6.1.3). Some servers close right after their `BYE`, some put it into the tagged reply.
    ///
    /// # Errors
    /// As [`Dialogue::command`].
    pub fn log_out(&mut self) -> Result<(), Failure> {
        self.is_leaving = true;
        let result = self.command(&[Word::Atom("LOGOUT")], |_| {});
        if self.said_bye { Ok(()) } else { result }
    }
}
