//! Reads responses line by line, literals included (RFC 9051 sections 2.2 and 4.3), logs and explains them.
//! Their meaning is the business of `dialogue.rs`.

use std::borrow::Cow;
use std::net::TcpStream;
use std::sync::Arc;

use super::response::{read_literal_length, read_status, split_word};
use super::stream::{Broken, MAX_PHASE_BYTES, Stream};
use crate::credentials::redactor::Redactor;
use crate::failure::{Failure, Reason};
use crate::net::tls::TlsStream;

/// Takes a line of the dialogue, secrets masked. It calls the function only if it still keeps lines.
pub type Log = Box<dyn FnMut(&dyn Fn() -> String) + Send>;

/// Bytes of literals that are kept of one response. A response with more is passed over.
const MAX_LITERALS: usize = 64 * 1024;

/// The connection, and the last response.
pub(super) struct Reader {
    pub stream: Stream,
    redactor: Arc<Redactor>,
    log: Option<Log>,
    /// Number of the last command's tag.
    pub tag: u32,
    /// The first line of the last response, without its end.
    pub line: Vec<u8>,
    /// The literals in the last response, and the lines behind them.
    literals: Vec<u8>,
}

impl Reader {
    pub fn new(stream: Stream, redactor: Arc<Redactor>, log: Option<Log>) -> Self {
        Self { stream, redactor, log, tag: 0, line: Vec::new(), literals: Vec::new() }
    }

    /// Puts TLS under the connection.
    pub fn encrypt(self, handshake: impl FnOnce(TcpStream) -> Result<TlsStream, Failure>) -> Result<Self, Failure> {
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

    /// Logs a line of ours.
    pub fn log_command(&mut self, line: &dyn Fn() -> String) {
        if let Some(log) = &mut self.log {
            log(&|| format!("C: {}", self.redactor.clean(line().as_bytes())));
        }
    }

    /// Reads one response: its first line into `line`, and literals with what follows them into `literals`.
    pub fn read_response(&mut self) -> Result<(), Failure> {
        self.literals.clear();
        self.read_line()?;
        // Status responses end in human text, in which braces mean nothing.
        if self.line.strip_prefix(b"* ").is_none_or(|data| read_status(data).is_some()) {
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
            read.and_then(|()| self.stream.read_line(&mut rest)).map_err(|broken| self.explain(broken))?;
            let rest = rest.trim_ascii_end();
            if let Some(log) = &mut self.log {
                log(&|| format!("S: {}", self.redactor.clean(rest)));
            }
            self.literals.extend_from_slice(rest);
            length = read_literal_length(rest);
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
        read.map_err(|broken| self.explain(broken))
    }

    /// Writes all.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if let Err(broken) = self.stream.write(bytes) {
            // The server may have said why before it closed.
            while self.read_line().is_ok() {}
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
        let line = self.describe_line();
        if !line.is_empty() {
            reason.what = format!("{}, its last line: {line}", reason.what);
        }
        Failure::Lost(reason)
    }

    /// The last line in the server's own words, cleaned, without `*` or a tag of ours.
    pub fn describe_line(&self) -> String {
        let number = |word: &[u8]| str::from_utf8(word).ok()?.strip_prefix('a')?.parse().ok();
        let is_ours = |word: &[u8], tag| (1..=self.tag).contains(&tag) && word == format!("a{tag}").as_bytes();
        let is_tag = |word: &[u8]| word == b"*" || number(word).is_some_and(|tag| is_ours(word, tag));
        let text =
            split_word(&self.line).filter(|(word, _)| is_tag(word)).map_or(self.line.as_slice(), |(_, text)| text);
        let mut line = self.redactor.clean(text);
        // It would stand before a comma of ours.
        if line.ends_with('.') && !line.ends_with("..") {
            line.pop();
        }
        if line.is_empty() && !self.line.is_empty() { "(nothing printable)".to_owned() } else { line }
    }
}
