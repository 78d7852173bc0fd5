//! AUTHENTICATE (RFC 9051 section 6.2.2): the lines of a SASL exchange.

use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine};
use zeroize::Zeroizing;

use super::super::auth::Exchange;
use super::replies::{Arrived, Awaited};
use super::{Dialogue, MASK};
use crate::credentials::secret::Secret;
use crate::failure::Failure;

/// Bytes. Servers take longer lines in an exchange than in a command (RFC 7162 section 4).
const MAX_COMMAND: usize = 8192;

impl Dialogue {
    /// Logs in by this mechanism, whose name is that on the wire. The first answer stands in the command if the server takes
    /// it there (RFC 4959).
    ///
    /// # Errors
    /// The server refused, or it did not prove what it must; what it sends makes no sense; a lost connection.
    pub fn authenticate(&mut self, mechanism: &str, exchange: &mut dyn Exchange) -> Result<(), Failure> {
        self.take_early_lines()?;
        // The password could be guessed with the challenges and the answers together.
        self.reader.hides_challenges = true;
        let result = self.exchange(mechanism, exchange);
        self.reader.hides_challenges = false;
        let remark = exchange.conclude(result.is_ok()).map(|text| self.clean(&text));
        match (result, remark) {
            (Ok(()), Some(why)) => Err(Failure::lost(why)),
            (Err(failure), Some(said)) if failure.reason().hint.is_none() => Err(failure.with_hint(said)),
            (result, _) => result,
        }
    }

    fn exchange(&mut self, mechanism: &str, exchange: &mut dyn Exchange) -> Result<(), Failure> {
        self.reader.tag += 1;
        let tag = format!("a{}", self.reader.tag);
        let command = format!("{tag} AUTHENTICATE {mechanism}");
        let mut first = Some(encode(&exchange.answer(b"").map_err(Failure::lost)?));
        if self.has_capability("SASL-IR")
            && let Some(answer) = first.take_if(|answer| command.len() + answer.len() < MAX_COMMAND)
        {
            // An answer of nothing is not the same as no answer.
            let (shown, answer) = if answer.is_empty() { ("=", "=") } else { (MASK, answer.as_str()) };
            self.reader.log_command(&|| format!("{command} {shown}"));
            self.send_line(&[&command, " ", answer])?;
        } else {
            self.reader.log_command(&|| command.clone());
            self.send_line(&[&command])?;
        }
        while self.read_until(tag.as_bytes(), Awaited::Either, &mut |_| {})? == Arrived::Continuation {
            let answer = match first.take() {
                Some(first) => Ok(first),
                None => {
                    self.read_challenge().and_then(|challenge| exchange.answer(&challenge)).map(|text| encode(&text))
                }
            };
            self.reader.hide(exchange.proofs());
            match answer {
                Ok(answer) => {
                    self.reader.log_command(&|| if answer.is_empty() { String::new() } else { MASK.to_owned() });
                    self.send_line(&[&answer])?;
                }
                Err(why) => {
                    // That ends the exchange. The reply is of no interest any more, and may never come.
                    self.reader.log_command(&|| "*".to_owned());
                    let _ = self.send_line(&["*"]);
                    return Err(Failure::lost(self.clean(&why)));
                }
            }
        }
        Ok(())
    }

    /// The text behind the `+` that was just read.
    fn read_challenge(&self) -> Result<Vec<u8>, String> {
        let line = self.reader.line.strip_prefix(b"+").unwrap_or_default().trim_ascii();
        let line = line.split(|&byte| byte == b'=').next().unwrap_or_default();
        BASE64_STANDARD_NO_PAD.decode(line).map_err(|_| "the challenge of the server is not base64".to_owned())
    }

    fn send_line(&mut self, parts: &[&str]) -> Result<(), Failure> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut line = Zeroizing::new(Vec::with_capacity(length + 2));
        for part in parts {
            line.extend_from_slice(part.as_bytes());
        }
        line.extend_from_slice(b"\r\n");
        self.reader.send(&line)
    }
}

fn encode(answer: &Secret) -> Zeroizing<String> {
    Zeroizing::new(BASE64_STANDARD.encode(answer.expose()))
}
