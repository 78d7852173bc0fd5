//! The IMAP dialogue: tagged commands, their replies, and the few untagged data that matter (RFC 9051 sections 2.2
//! and 7). All other untagged data is passed over unparsed: a client must accept any, at any time.
//! Which commands, `session.rs` knows.

use crate::credentials::secret::{MASK, Redactor, Secret};
use crate::imap::stream::{Broken, MAX_PHASE_BYTES, Stream};
use crate::net::tls::TlsStream;
use crate::run::event::Failure;
use std::net::TcpStream;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An IMAP connection.
pub struct Dialogue {
    stream: Stream,
    /// Number of the last command's tag.
    tag: u32,
    redactor: Arc<Redactor>,
    /// Takes each line for `-vvv`.
    log: Option<Log>,
    /// The last line read, without its end.
    line: Vec<u8>,
    /// What the server said that it can do, if it said so.
    pub capabilities: Option<Capabilities>,
    /// Whether the greeting was PREAUTH.
    pub preauthenticated: bool,
    /// The last EXISTS since the last command was sent.
    pub exists: Option<u32>,
    /// LOGOUT is sent: `BYE` is no surprise any more.
    leaving: bool,
    /// `BYE` has come.
    said_bye: bool,
}

/// Takes a line of the dialogue, secrets masked, if it wants one more.
pub type Log = Box<dyn FnMut(&dyn Fn() -> String) + Send>;

/// The capabilities that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a capability that a server has or has not")]
pub struct Capabilities {
    /// No password may be sent (RFC 9051 section 6.2.3).
    pub login_disabled: bool,
    /// STARTTLS is offered.
    pub starttls: bool,
    /// LITERAL+ (RFC 7888).
    pub literal_plus: bool,
    /// LITERAL- (RFC 7888).
    pub literal_minus: bool,
}

/// An argument of a command.
pub enum Word<'a> {
    /// As it is.
    Atom(&'a str),
    /// A string: quoted where that is safe with every server, else a literal.
    Text(&'a [u8]),
    /// The same, shown as `***`.
    Secret(&'a Secret),
}

/// Condition words of status responses (RFC 9051 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the protocol's")]
pub enum Status {
    Ok,
    No,
    Bad,
    PreAuth,
    Bye,
}

/// Dovecot's text before its real greeting, while its authentication process starts.
const PROVISIONAL: &[u8] = b"Waiting for authentication process to respond";

impl Dialogue {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(stream: Stream, redactor: Arc<Redactor>, log: Option<Log>) -> Self {
        Self {
            stream,
            tag: 0,
            redactor,
            log,
            line: Vec::new(),
            capabilities: None,
            preauthenticated: false,
            exists: None,
            leaving: false,
            said_bye: false,
        }
    }

    /// Puts TLS under the dialogue. What the server said it can do is forgotten (RFC 9051 section 6.2.1).
    ///
    /// # Errors
    /// Those of the handshake.
    pub fn encrypt(self, handshake: impl FnOnce(TcpStream) -> Result<TlsStream, Failure>) -> Result<Self, Failure> {
        Ok(Self { stream: self.stream.encrypt(handshake)?, capabilities: None, ..self })
    }

    /// Begins to count bytes anew.
    pub fn begin_phase(&mut self) {
        self.stream.begin_phase();
    }

    /// Whether something has arrived that nobody asked for.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        !self.stream.buffered().is_empty()
    }

    /// Reads the greeting, a provisional one before it included.
    ///
    /// # Errors
    /// `BYE`, something that is not IMAP, a lost connection.
    pub fn greeting(&mut self) -> Result<(), Failure> {
        loop {
            self.read_response()?;
            let Some((status, text)) = self.line.strip_prefix(b"* ").and_then(status) else {
                return Err(Failure::lost(format!("not an IMAP greeting: {}", self.said())));
            };
            let provisional = text.starts_with(PROVISIONAL) || self.another_greeting_waits();
            self.note_untagged();
            match status {
                Status::Ok if provisional => {}
                Status::Ok => return Ok(()),
                Status::PreAuth => {
                    self.preauthenticated = true;
                    return Ok(());
                }
                Status::Bye => return Err(Failure::lost(self.said())),
                Status::No | Status::Bad => {
                    return Err(Failure::lost(format!("not an IMAP greeting: {}", self.said())));
                }
            }
        }
    }

    /// Whether what has arrived behind the greeting is one, too.
    fn another_greeting_waits(&self) -> bool {
        let next = self.stream.buffered().strip_prefix(b"* ").and_then(status_word);
        matches!(next, Some(Status::Ok | Status::PreAuth | Status::Bye))
    }

    /// Sends a command and reads until its tagged reply. `NO` and `BAD` are failures after which the dialogue
    /// can go on.
    ///
    /// # Errors
    /// The server's words for `NO`, `BAD` and `BYE`; garbage; a lost connection.
    pub fn command(&mut self, words: &[Word]) -> Result<(), Failure> {
        self.take_early_lines()?;
        self.exists = None;
        self.tag += 1;
        let tag = format!("a{}", self.tag);
        let room: usize = words.iter().map(|word| word.bytes().len() * 2 + 32).sum();
        // Never grown, so that no copy of a secret is left behind unwiped.
        let mut line = Zeroizing::new(Vec::with_capacity(room + tag.len() + 2));
        line.extend_from_slice(tag.as_bytes());
        if let Some(log) = &mut self.log {
            log(&|| {
                let shown: Vec<String> = words.iter().map(Word::shown).collect();
                format!("C: {}", self.redactor.clean(format!("{tag} {}", shown.join(" ")).as_bytes()))
            });
        }
        for word in words {
            line.push(b' ');
            let text = word.bytes();
            match word {
                Word::Atom(atom) => line.extend_from_slice(atom.as_bytes()),
                _ if is_quotable(text) => {
                    line.push(b'"');
                    line.extend_from_slice(text);
                    line.push(b'"');
                }
                _ if self.takes_unasked_literal(text.len()) => {
                    line.extend_from_slice(format!("{{{}+}}\r\n", text.len()).as_bytes());
                    line.extend_from_slice(text);
                }
                _ => {
                    line.extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
                    self.send(&line)?;
                    line.clear();
                    self.read_until(tag.as_bytes(), true)?;
                    line.extend_from_slice(text);
                }
            }
        }
        line.extend_from_slice(b"\r\n");
        self.send(&line)?;
        self.read_until(tag.as_bytes(), false)
    }

    /// Sends LOGOUT. Some servers close right after their `BYE`, some put it into the tagged reply.
    ///
    /// # Errors
    /// As [`Dialogue::command`].
    pub fn logout(&mut self) -> Result<(), Failure> {
        self.leaving = true;
        let left = self.command(&[Word::Atom("LOGOUT")]);
        if self.said_bye { Ok(()) } else { left }
    }

    /// The last line in the server's own words, cleaned, without `*` or a tag of ours.
    #[must_use]
    pub fn said(&self) -> String {
        let number = |word: &[u8]| str::from_utf8(word).ok()?.strip_prefix('a')?.parse().ok();
        let is_ours = |word: &[u8], tag| (1..=self.tag).contains(&tag) && word == format!("a{tag}").as_bytes();
        let is_tag = |word: &[u8]| word == b"*" || number(word).is_some_and(|tag| is_ours(word, tag));
        let text =
            split_word(&self.line).filter(|(word, _)| is_tag(word)).map_or(self.line.as_slice(), |(_, text)| text);
        let said = self.redactor.clean(text);
        if said.is_empty() && !self.line.is_empty() { "(nothing printable)".to_owned() } else { said }
    }

    /// Reads to the tagged reply, or to the server's `+` where that is what we wait for.
    fn read_until(&mut self, tag: &[u8], continuation: bool) -> Result<(), Failure> {
        loop {
            self.read_response()?;
            if self.line.starts_with(b"* ") {
                if self.note_untagged() == Some(Status::Bye) && !self.leaving {
                    return Err(self.closed("connection closed by the server"));
                }
                continue;
            }
            if continuation && self.line.starts_with(b"+") {
                return Ok(());
            }
            let reply = self.line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(b" ")).and_then(status);
            return match reply.map(|(status, text)| (status, Capabilities::in_code(text))) {
                Some((Status::Ok, told)) if !continuation => {
                    self.capabilities = told.or(self.capabilities);
                    Ok(())
                }
                Some((Status::Bye, _)) if self.leaving => Ok(()),
                Some((Status::No | Status::Bad, _)) => Err(Failure::refused(self.said())),
                _ if self.line.is_empty() => Err(Failure::lost("the server answered with an empty line")),
                _ => Err(Failure::lost(format!("the server answered something else: {}", self.said()))),
            };
        }
    }

    /// Reads what has arrived already: before a command is sent it is no answer to it.
    ///
    /// # Errors
    /// `BYE`, a tagged reply, a lost connection.
    pub fn take_early_lines(&mut self) -> Result<(), Failure> {
        while self.stream.buffered().contains(&b'\n') {
            self.read_response()?;
            if !self.line.starts_with(b"* ") {
                return Err(Failure::lost(format!("the server answered before it was asked: {}", self.said())));
            }
            if self.note_untagged() == Some(Status::Bye) {
                return Err(self.closed("connection closed by the server"));
            }
        }
        Ok(())
    }

    /// Keeps what matters of an untagged response; tells its status word, if it has one.
    fn note_untagged(&mut self) -> Option<Status> {
        let data = self.line.strip_prefix(b"* ").unwrap_or_default();
        if let Some((status, text)) = status(data) {
            self.capabilities = Capabilities::in_code(text).or(self.capabilities);
            self.said_bye |= status == Status::Bye;
            return Some(status);
        }
        if let Some(listed) = strip_prefix_no_case(data, b"CAPABILITY ") {
            self.capabilities = Some(Capabilities::read(listed));
        } else if let Some((number, word)) = split_word(data)
            && word.trim_ascii_end().eq_ignore_ascii_case(b"EXISTS")
        {
            self.exists = str::from_utf8(number).ok().and_then(|number| number.parse().ok());
        }
        None
    }

    /// Reads one response into `line`: its first line; literals in it (RFC 9051 section 4.3) and what follows them
    /// are passed over.
    fn read_response(&mut self) -> Result<(), Failure> {
        self.read_line()?;
        // Status responses end in human text, where braces mean nothing.
        if self.line.strip_prefix(b"* ").is_none_or(|data| status_word(data).is_some()) {
            return Ok(());
        }
        let mut end = literal(&self.line);
        while let Some(bytes) = end {
            if bytes > MAX_PHASE_BYTES {
                return Err(Failure::lost(format!(
                    "the server announces {bytes} bytes at once, more than the {} MiB that a phase takes",
                    MAX_PHASE_BYTES >> 20
                )));
            }
            let mut rest = Vec::new();
            let read = self.stream.skip(bytes).and_then(|()| self.stream.read_line(&mut rest));
            read.map_err(|broken| self.broken(broken))?;
            end = literal(rest.trim_ascii_end());
        }
        Ok(())
    }

    fn read_line(&mut self) -> Result<(), Failure> {
        let mut line = std::mem::take(&mut self.line);
        let mut next = Vec::new();
        let read = self.stream.read_line(&mut next);
        if !next.is_empty() {
            // Some servers end a line with LF alone.
            next.truncate(next.trim_ascii_end().len());
            line = next;
            if let Some(log) = &mut self.log {
                log(&|| format!("S: {}", self.redactor.clean(&line)));
            }
        }
        self.line = line;
        read.map_err(|broken| self.broken(broken))
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if let Err(broken) = self.stream.write(bytes) {
            // The server may have said why before it closed.
            while self.read_line().is_ok() {}
            return Err(self.broken(broken));
        }
        Ok(())
    }

    fn broken(&self, broken: Broken) -> Failure {
        match broken {
            Broken::Closed => self.closed("connection closed by the server"),
            Broken::Lost(reason) => self.closed(&reason),
            Broken::TooMuch(reason) => Failure::lost(reason),
        }
    }

    fn closed(&self, reason: &str) -> Failure {
        let said = self.said();
        Failure::lost(if said.is_empty() { reason.to_owned() } else { format!("{reason}, its last line: {said}") })
    }

    fn takes_unasked_literal(&self, bytes: usize) -> bool {
        self.capabilities.is_some_and(|can| can.literal_plus || (can.literal_minus && bytes <= 4096))
    }
}

impl Word<'_> {
    /// For the log, without the secret.
    fn shown(&self) -> String {
        match self {
            Self::Atom(atom) => (*atom).to_owned(),
            Self::Text(text) => format!("\"{}\"", String::from_utf8_lossy(text)),
            Self::Secret(_) => MASK.to_owned(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Atom(atom) => atom.as_bytes(),
            Self::Text(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

impl Capabilities {
    /// Those in a response code (RFC 9051 section 7.1).
    fn in_code(text: &[u8]) -> Option<Self> {
        let listed = strip_prefix_no_case(text, b"[CAPABILITY ")?;
        Some(Self::read(listed.split(|&byte| byte == b']').next()?))
    }

    fn read(listed: &[u8]) -> Self {
        let mut can = Self::default();
        for word in listed.split(|&byte| byte == b' ') {
            for (name, flag) in [
                (&b"LOGINDISABLED"[..], &mut can.login_disabled),
                (b"STARTTLS", &mut can.starttls),
                (b"LITERAL+", &mut can.literal_plus),
                (b"LITERAL-", &mut can.literal_minus),
            ] {
                *flag |= word.eq_ignore_ascii_case(name);
            }
        }
        can
    }
}

/// The condition word at the beginning, and the text behind it.
fn status(text: &[u8]) -> Option<(Status, &[u8])> {
    let (word, rest) = split_word(text).unwrap_or((text, b""));
    let words = [
        (&b"OK"[..], Status::Ok),
        (b"NO", Status::No),
        (b"BAD", Status::Bad),
        (b"PREAUTH", Status::PreAuth),
        (b"BYE", Status::Bye),
    ];
    words.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, status)| (status, rest))
}

fn status_word(text: &[u8]) -> Option<Status> {
    // Only the beginning matters, and text may be what has arrived of a line so far.
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    status(line.trim_ascii_end()).map(|(status, _)| status)
}

fn split_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == b' ')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn strip_prefix_no_case<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Printable ASCII without `"` and `\`: some servers take those, and 8-bit text, only in a literal.
fn is_quotable(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

/// The length that a line announces at its end: `{123}`.
fn literal(line: &[u8]) -> Option<usize> {
    let inside = line.strip_suffix(b"}")?;
    let at = inside.iter().rposition(|&byte| byte == b'{')?;
    let digits = str::from_utf8(inside.get(at + 1..)?).ok()?;
    let digits = digits.strip_suffix('+').unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_have_no_case_and_need_no_text() {
        assert_eq!(status(b"OK [READ-WRITE] done"), Some((Status::Ok, &b"[READ-WRITE] done"[..])));
        assert_eq!(status(b"bye"), Some((Status::Bye, &b""[..])));
        assert_eq!(status(b"OKAY fine"), None);
        assert_eq!(status(b"3 EXISTS"), None);
    }

    #[test]
    fn capabilities_are_whole_words() {
        assert_eq!(
            Capabilities::read(b"IMAP4rev2 logindisabled AUTH=STARTTLS LITERAL+X"),
            Capabilities { login_disabled: true, ..Capabilities::default() }
        );
    }

    #[test]
    fn a_literal_is_announced_at_the_end_of_a_line_only() {
        assert_eq!(literal(b"* LIST () \"/\" {5}"), Some(5));
        assert_eq!(literal(b"{5+}"), Some(5));
        assert_eq!(literal(b"{99999999999999999999999}"), Some(usize::MAX));
        for line in [&b"* X {5} "[..], b"* X {}", b"* X {-5}", b"* X 5}", b"}"] {
            assert_eq!(literal(line), None);
        }
    }
}
