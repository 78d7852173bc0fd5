//! The IMAP dialogue: tagged commands, their replies, and the untagged responses between them (RFC 9051 sections 2.2 and
//! 7). A client must accept any untagged response at any time. The commands themselves are in `operation`.

use super::command::{Form, Word};
pub use super::reader::Log;
use std::net::TcpStream;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::open_mailbox::OpenMailbox;
use super::reader::Reader;
use super::response::{Capabilities, Status, Untagged, read_status, split_status, strip_prefix_no_case};
use super::stream::Stream;
use crate::credentials::redactor::Redactor;
use crate::failure::Failure;
use crate::net::tls::TlsStream;

/// An IMAP connection.
pub struct Dialogue {
    reader: Reader,
    /// The capabilities that the server has reported, if it has.
    pub capabilities: Option<Capabilities>,
    /// What the server said of the mailbox that is open.
    pub mailbox: OpenMailbox,
    /// Whether the greeting was PREAUTH.
    pub preauthenticated: bool,
    /// LOGOUT is sent: a `BYE` is expected.
    is_leaving: bool,
    /// `BYE` has come.
    said_bye: bool,
}

/// Takes the untagged responses to a command.
type OnUntagged<'a> = &'a mut dyn FnMut(&Untagged<'_>);

/// Dovecot's text before its real greeting, while its authentication process starts.
const PROVISIONAL: &[u8] = b"Waiting for authentication process to respond";

impl Dialogue {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(stream: Stream, redactor: Arc<Redactor>, log: Option<Log>) -> Self {
        Self {
            reader: Reader::new(stream, redactor, log),
            capabilities: None,
            mailbox: OpenMailbox::default(),
            preauthenticated: false,
            is_leaving: false,
            said_bye: false,
        }
    }

    /// Puts TLS under the dialogue. The capabilities that the server listed are forgotten (RFC 9051 section 6.2.1).
    ///
    /// # Errors
    /// Those of the handshake.
    pub fn encrypt(self, handshake: impl FnOnce(TcpStream) -> Result<TlsStream, Failure>) -> Result<Self, Failure> {
        Ok(Self { reader: self.reader.encrypt(handshake)?, capabilities: None, ..self })
    }

    /// Begins to count bytes anew, and forgets the last line: it was of another phase.
    pub fn begin_phase(&mut self) {
        self.reader.stream.begin_phase();
        self.reader.line.clear();
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
                    self.preauthenticated = true;
                    return Ok(());
                }
                Status::Bye => return Err(Failure::lost(self.reader.describe_line())),
                Status::No | Status::Bad => {
                    return Err(Failure::lost(format!("not an IMAP greeting: {}", self.reader.describe_line())));
                }
            }
        }
    }

    /// Sends a command and reads until its tagged reply; `on_untagged` gets the untagged responses that come between.
    ///
    /// # Errors
    /// The server's words for `NO` and `BAD`, after which the dialogue can go on, and for `BYE`; garbage; a lost connection.
    pub fn command(&mut self, words: &[Word<'_>], mut on_untagged: impl FnMut(&Untagged<'_>)) -> Result<(), Failure> {
        self.take_early_lines()?;
        self.reader.tag += 1;
        let tag = format!("a{}", self.reader.tag);
        let room: usize = words.iter().map(|word| word.bytes().len() * 2 + 32).sum();
        // Large enough, so that it never grows and no copy of a secret stays behind unwiped.
        let mut line = Zeroizing::new(Vec::with_capacity(room + tag.len() + 2));
        line.extend_from_slice(tag.as_bytes());
        self.reader.log_command(&|| {
            let words: Vec<String> =
                words.iter().filter(|word| !matches!(word, Word::Continued(_))).map(Word::show).collect();
            format!("{tag} {}", words.join(" "))
        });
        for word in words {
            let text = word.bytes();
            let form = word.choose_form(self.capabilities.as_ref());
            line.extend_from_slice(if matches!(form, Form::Line) { b"\r\n" } else { b" " });
            match form {
                Form::Atom => line.extend_from_slice(text),
                Form::Quoted => {
                    line.push(b'"');
                    line.extend_from_slice(text);
                    line.push(b'"');
                }
                Form::LiteralPlus => {
                    line.extend_from_slice(format!("{{{}+}}\r\n", text.len()).as_bytes());
                    line.extend_from_slice(text);
                }
                Form::Literal | Form::Line => {
                    if matches!(form, Form::Literal) {
                        line.extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
                    }
                    self.reader.send(&line)?;
                    line.clear();
                    self.read_until(tag.as_bytes(), true, &mut on_untagged)?;
                    if matches!(form, Form::Line) {
                        self.reader.log_command(&|| word.show());
                    }
                    line.extend_from_slice(text);
                }
            }
        }
        line.extend_from_slice(b"\r\n");
        self.reader.send(&line)?;
        self.read_until(tag.as_bytes(), false, &mut on_untagged)
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

    /// Reads what has arrived already. Before a command is sent, it is no answer to that command.
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

    /// Reads to the tagged reply; or, if a `continuation` is awaited, to the server's `+`.
    fn read_until(&mut self, tag: &[u8], continuation: bool, on_untagged: OnUntagged<'_>) -> Result<(), Failure> {
        loop {
            self.reader.read_response()?;
            if self.reader.line.starts_with(b"* ") {
                if self.take_untagged(on_untagged) == Some(Status::Bye) && !self.is_leaving {
                    return Err(self.reader.explain_loss("connection closed by the server".into()));
                }
                continue;
            }
            if continuation && self.reader.line.starts_with(b"+") {
                return Ok(());
            }
            let reply =
                self.reader.line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(b" ")).and_then(split_status);
            return match reply.map(|(status, text)| (status, Capabilities::in_code(text))) {
                Some((Status::Ok, listed)) if !continuation => {
                    self.note_capabilities(listed);
                    Ok(())
                }
                Some((Status::Bye, _)) if self.is_leaving => Ok(()),
                Some((Status::No | Status::Bad, _)) => Err(Failure::refused(self.reader.describe_line())),
                _ if self.reader.line.is_empty() => Err(Failure::lost("the server answered with an empty line")),
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
            self.said_bye |= status == Status::Bye;
            let listed = Capabilities::in_code(text);
            self.note_capabilities(listed);
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

    fn note_capabilities(&mut self, listed: Option<Capabilities>) {
        self.capabilities = listed.or(self.capabilities.take());
    }
}
