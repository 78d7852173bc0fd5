//! Reads responses line by line, literals included (RFC 9051 sections 2.2 and 4.3), logs and explains them.
//! Their meaning is the business of `dialogue.rs`.

use std::borrow::Cow;
use std::sync::Arc;

use super::last_words::{LastWords, describe_line};
use super::response::{Status, read_literal_length, read_status, split_alert, split_word, strip_prefix_no_case};
use super::stream::{Broken, MAX_PHASE_BYTES, Stream};
use crate::credentials::redactor::Redactor;
use crate::credentials::secret::Secret;
use crate::failure::{Failure, Reason};
use crate::net::tcp::Tcp;
use crate::net::tls::TlsStream;

/// Takes a line of the dialogue, secrets masked. It calls the function only if it still keeps lines.
pub type Log = Box<dyn Fn(&dyn Fn() -> String) + Send>;

/// Bytes of literals that are kept of one response. A response with more is passed over.
const MAX_LITERALS: usize = 64 * 1024;

/// Bytes of a line that are kept, unless it is a list of numbers: more than a response that is parsed may have.
const MAX_LINE: usize = 64 * 1024;

/// Whether the next part of a line is kept, of which this has come.
fn is_kept(line: &[u8]) -> bool {
    const LIST: &[u8] = b"* SEARCH ";
    line.len() <= MAX_LINE || strip_prefix_no_case(line, LIST).is_some()
}

/// A challenge that is not shown.
const HIDDEN_CHALLENGE: &str = "+ ***";

/// The connection, and the last response.
pub(super) struct Reader {
    pub stream: Stream,
    redactor: Arc<Redactor>,
    log: Option<Log>,
    last_words: Arc<LastWords>,
    /// Number of the last command's tag.
    pub tag: u32,
    /// The first line of the last response, without its end.
    pub line: Vec<u8>,
    /// Room for the next line.
    next: Vec<u8>,
    /// Whether that line is untagged data, which may have literals. Status responses end in human text.
    is_data: bool,
    /// Whether that line has the response code `ALERT`.
    pub has_alert: bool,
    /// Whether the text behind a `+` is shown as `***`.
    pub hides_challenges: bool,
    /// The literals in the last response, and the lines behind them.
    literals: Vec<u8>,
}

impl Reader {
    pub fn new(stream: Stream, redactor: Arc<Redactor>, log: Option<Log>, last_words: Arc<LastWords>) -> Self {
        Self {
            stream,
            redactor,
            log,
            last_words,
            tag: 0,
            line: Vec::new(),
            next: Vec::new(),
            is_data: false,
            has_alert: false,
            hides_challenges: false,
            literals: Vec::new(),
        }
    }

    /// Begins to count bytes anew, and forgets the last line: it was of another phase.
    pub fn begin_phase(&mut self) {
        self.stream.begin_phase();
        self.line.clear();
        self.last_words.forget();
    }

    /// Puts TLS under the connection.
    pub fn encrypt(self, handshake: impl FnOnce(Tcp) -> Result<TlsStream, Failure>) -> Result<Self, Failure> {
        Ok(Self { stream: self.stream.encrypt(handshake)?, ..self })
    }

    /// The last response behind `* `, literals included. None if it was too large to be kept.
    pub fn join_data(&self) -> Option<Cow<'_, [u8]>> {
        let data = self.line.strip_prefix(b"* ").unwrap_or_default();
        if self.literals.is_empty() {
            return Some(Cow::Borrowed(data));
        }
        (self.literals.len() < MAX_LITERALS).then(|| Cow::Owned([data, &self.literals].concat()))
    }

    /// One clean line, secrets masked.
    pub fn clean(&self, text: &[u8]) -> String {
        self.redactor.clean(text)
    }

    /// Masks these secrets, too, in all that comes from now on.
    pub fn hide(&mut self, secrets: &[Secret]) {
        for secret in secrets {
            Arc::make_mut(&mut self.redactor).add("", secret);
        }
    }

    /// Logs a line of ours.
    pub fn log_command(&self, line: &dyn Fn() -> String) {
        if let Some(log) = &self.log {
            log(&|| format!("C: {}", self.redactor.clean(line().as_bytes())));
        }
    }

    /// Reads one response: its first line into `line`, and literals with what follows them into `literals`.
    pub fn read_response(&mut self) -> Result<(), Failure> {
        self.literals.clear();
        self.read_line()?;
        if !self.is_data {
            return Ok(());
        }
        let mut length = read_literal_length(&self.line);
        while let Some(bytes) = length {
            if bytes > MAX_PHASE_BYTES {
                return Err(Failure::lost(format!(
                    "the server announces {bytes} bytes at once, more than the {} MiB that a phase takes",
                    MAX_PHASE_BYTES >> 20
                )));
            }
            let mut rest = Vec::new();
            self.literals.extend_from_slice(b"\r\n");
            let read = self.stream.take(bytes, &mut self.literals, MAX_LITERALS);
            read.and_then(|()| self.stream.read_line(&mut rest, is_kept)).map_err(|broken| self.explain(broken))?;
            let rest = rest.trim_ascii_end();
            if let Some(log) = &self.log {
                log(&|| format!("S: {}", self.redactor.clean(rest)));
            }
            self.literals.extend_from_slice(rest);
            length = read_literal_length(rest);
        }
        Ok(())
    }

    /// Reads a line; a part of one, if no more comes, stays in `line` as well.
    fn read_line(&mut self) -> Result<(), Failure> {
        self.next.clear();
        let read = self.stream.read_line(&mut self.next, is_kept);
        if !self.next.is_empty() {
            // Some servers end a line with LF alone.
            self.next.truncate(self.next.trim_ascii_end().len());
            std::mem::swap(&mut self.line, &mut self.next);
            let is_hidden = self.hides_challenges && self.line.starts_with(b"+ ");
            if let Some(log) = &self.log {
                let show = || if is_hidden { HIDDEN_CHALLENGE.to_owned() } else { self.redactor.clean(&self.line) };
                log(&|| format!("S: {}", show()));
            }
            let data = self.line.strip_prefix(b"* ");
            let status = data.and_then(read_status);
            self.is_data = data.is_some() && status.is_none();
            self.has_alert = !self.is_data && split_alert(&self.line).is_some();
            let is_warning = self.has_alert || matches!(status, Some(Status::No | Status::Bad | Status::Bye));
            let words = if is_hidden { HIDDEN_CHALLENGE.as_bytes() } else { self.strip_tag() };
            self.last_words.keep(words, is_warning, &self.redactor);
        }
        read.map_err(|broken| self.explain(broken))
    }

    /// Reads what has arrived, without waiting. False if nothing has, or if something is not read yet.
    pub fn read_arrived(&mut self) -> Result<bool, Failure> {
        self.stream.read_arrived().map_err(|broken| self.explain(broken))
    }

    /// Writes all.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if let Err(broken) = self.stream.write(bytes) {
            // The server may have said why before it closed.
            while self.read_response().is_ok() {}
            return Err(self.explain(broken));
        }
        Ok(())
    }

    fn explain(&self, broken: Broken) -> Failure {
        match broken {
            Broken::Closed => self.explain_loss("connection closed by the server".into()),
            Broken::Lost(reason) => self.explain_loss(reason),
            Broken::TooMuch(reason) => Failure::lost(reason),
        }
    }

    /// A lost connection, with the last line of the server.
    pub fn explain_loss(&self, mut reason: Reason) -> Failure {
        if let Some(words) = self.last_words.describe() {
            reason.what = format!("{}, its last line: {words}", reason.what);
        }
        Failure::Lost(reason)
    }

    /// The last line in the server's own words, clean for output.
    pub fn describe_line(&self) -> String {
        describe_line(self.strip_tag(), &self.redactor)
    }

    /// The text behind the code `ALERT` in the last line, if it has one.
    pub fn describe_alert(&self) -> Option<String> {
        let text = split_alert(&self.line)?.trim_ascii();
        Some(if text.is_empty() { self.describe_line() } else { describe_line(text, &self.redactor) })
    }

    /// The last line without `*` or a tag of ours.
    fn strip_tag(&self) -> &[u8] {
        let number = |word: &[u8]| str::from_utf8(word).ok()?.strip_prefix('a')?.parse().ok();
        let is_ours = |word: &[u8], tag| (1..=self.tag).contains(&tag) && word == format!("a{tag}").as_bytes();
        let is_tag = |word: &[u8]| word == b"*" || number(word).is_some_and(|tag| is_ours(word, tag));
        split_word(&self.line).filter(|(word, _)| is_tag(word)).map_or(self.line.as_slice(), |(_, text)| text)
    }
}
