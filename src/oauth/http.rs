//! One POST over HTTP/1.1 (RFC 9112), as much of it as a token endpoint needs. Blocking, without limits of time: those are
//! the supervisor's. It uses the program's own connections and TLS, so that all their errors read alike.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use base64::prelude::{BASE64_STANDARD, Engine};
use zeroize::Zeroizing;

use super::form::Form;
use super::proxy::{Proxy, find_proxy};
use super::url::{Url, join_authority};
use crate::credentials::redactor::Redactor;
use crate::credentials::secret::Secret;
use crate::failure::Failure;
use crate::imap::dialogue::Log;
use crate::imap::stream::{Broken, MAX_PHASE_BYTES, Socket, Stream};
use crate::net::connect::connect;
use crate::net::resolve::resolve;
use crate::net::tls::Connector;

/// Characters: as much as JSON has before its first value.
const SHOWN: usize = 16;
/// Answers that never have content, whatever their head says.
const NO_CONTENT: u16 = 204;
const NOT_MODIFIED: u16 = 304;

/// A server, and what is needed to reach it.
pub struct Endpoint<'a> {
    /// Its address.
    pub url: &'a Url,
    /// Certificates that are trusted beside those of the system: the content of `--ca-file`, and its name.
    pub ca: Option<(&'a str, &'a [u8])>,
    /// What the run wants to know of the exchange.
    pub watch: &'a Watch<'a>,
    /// Masks secrets in what the server says.
    pub redactor: &'a Redactor,
}

/// What a run wants to know of an exchange.
pub struct Watch<'a> {
    /// Counts the bytes that are read.
    pub bytes: &'a Arc<AtomicUsize>,
    /// Takes the lines: of the fields of a header only the names, of the body of an answer only the length.
    pub log: Option<&'a Log>,
}

/// The answer of a server.
#[derive(Debug)]
pub struct Answer {
    /// The status code (RFC 9110 section 15).
    pub status: u16,
    /// Code and words, clean for output: `400 Bad Request`.
    pub status_text: String,
    /// Where a redirect leads, clean for output.
    pub location: Option<String>,
    /// The content. It may have a token in it.
    pub body: Zeroizing<Vec<u8>>,
}

/// The part of an answer before its content.
struct Head {
    status: u16,
    status_text: String,
    location: Option<String>,
    length: Option<usize>,
    is_chunked: bool,
}

impl Endpoint<'_> {
    /// Logs a line of this side.
    fn log(&self, side: &str, line: &[u8]) {
        if let Some(log) = self.watch.log {
            log(&|| format!("{side}: {}", self.redactor.clean(line)));
        }
    }

    /// The beginning of something that should not be there. More of it is not shown: a token could be in it.
    fn show_start(&self, text: &[u8]) -> String {
        self.redactor.clean(text).chars().take(SHOWN).collect()
    }
}

/// Sends a form and reads the answer, whatever its status.
///
/// # Errors
/// There is no connection or no whole answer; the failure begins with the name of the server.
pub fn post(endpoint: &Endpoint<'_>, form: &Form) -> Result<Answer, Failure> {
    let url = endpoint.url;
    // HTTP stays on this host.
    let proxy = if url.is_encrypted { find_proxy(&url.host).map_err(Failure::local)? } else { None };
    let mut stream = match &proxy {
        Some(proxy) => {
            open_tunnel(endpoint, proxy).map_err(|failure| name(failure, &format!("the proxy {}", proxy.host)))?
        }
        None => open(endpoint, &url.host, url.port).map_err(|failure| name(failure, &url.host))?,
    };
    if url.is_encrypted {
        stream = encrypt(stream, endpoint).map_err(|failure| name(failure, &url.host))?;
    }
    ask(stream, endpoint, form).map_err(|failure| name(failure, &url.host))
}

fn open(endpoint: &Endpoint<'_>, host: &str, port: u16) -> Result<Stream, Failure> {
    let tcp = connect(&resolve(host, port, None)?, None, None, &|_| {})?;
    Ok(Stream::new(Socket::Plain(tcp), Arc::clone(endpoint.watch.bytes)))
}

fn open_tunnel(endpoint: &Endpoint<'_>, proxy: &Proxy) -> Result<Stream, Failure> {
    let mut stream = open(endpoint, &proxy.host, proxy.port)?;
    let target = join_authority(&endpoint.url.host, endpoint.url.port);
    let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes());
    let mut redactor = endpoint.redactor.clone();
    if let Some(account) = &proxy.account {
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(account.expose()));
        request.extend_from_slice(b"Proxy-Authorization: Basic ");
        request.extend_from_slice(encoded.as_bytes());
        request.extend_from_slice(b"\r\n");
        redactor.add("", account);
        let password = account.expose().splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default();
        redactor.add("", &Secret::new(password.to_vec()));
    }
    let endpoint = &Endpoint { redactor: &redactor, ..*endpoint };
    request.extend_from_slice(b"\r\n");
    endpoint.log("C", format!("CONNECT {target} HTTP/1.1").as_bytes());
    stream.write(&request).map_err(explain)?;
    let head = read_head(&mut stream, endpoint)?;
    if !(200..300).contains(&head.status) {
        return Err(Failure::lost(format!("it opened no way to the server: {}", head.status_text)));
    }
    if !stream.buffered().is_empty() {
        return Err(Failure::lost("it sent something in the place of the server"));
    }
    Ok(stream)
}

fn encrypt(stream: Stream, endpoint: &Endpoint<'_>) -> Result<Stream, Failure> {
    let connector = Connector::for_token_endpoint(&endpoint.url.host, endpoint.ca).map_err(Failure::local)?;
    stream.encrypt(|tcp| connector.handshake(tcp, &|_| {}))
}

fn ask(mut stream: Stream, endpoint: &Endpoint<'_>, form: &Form) -> Result<Answer, Failure> {
    let Url { target, .. } = endpoint.url;
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: check_imap_session/{}\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        endpoint.url.make_authority(),
        env!("CARGO_PKG_VERSION"),
        form.sent.len()
    );
    let request = Zeroizing::new([head.as_bytes(), &form.sent].concat());
    endpoint.log("C", format!("POST {target} HTTP/1.1").as_bytes());
    endpoint.log("C", format!("Host: {}", endpoint.url.make_authority()).as_bytes());
    endpoint.log("C", form.shown.as_bytes());
    stream.write(&request).map_err(explain)?;
    let mut head = read_head(&mut stream, endpoint)?;
    // Interim answers (RFC 9110 section 15.2).
    while (100..200).contains(&head.status) {
        head = read_head(&mut stream, endpoint)?;
    }
    let body = read_body(&mut stream, &head)?;
    endpoint.log("S", format!("{{{}}}", body.len()).as_bytes());
    Ok(Answer { status: head.status, status_text: head.status_text, location: head.location, body })
}

fn read_head(stream: &mut Stream, endpoint: &Endpoint<'_>) -> Result<Head, Failure> {
    let redactor = endpoint.redactor;
    let line = read_line(stream)?;
    let status = line.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..)).unwrap_or_default();
    let number = status.get(..3).and_then(|number| std::str::from_utf8(number).ok());
    let Some(number) = number.and_then(|number| number.parse().ok()) else {
        let start = endpoint.show_start(&line);
        endpoint.log("S", start.as_bytes());
        return Err(Failure::lost(format!("its answer is not HTTP: {start}")));
    };
    endpoint.log("S", &line);
    let mut head =
        Head { status: number, status_text: redactor.clean(status), location: None, length: None, is_chunked: false };
    let mut fields = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            endpoint.log("S", &fields);
            return Ok(head);
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (field, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        // A secret could be in its value, and in the place of a name if the head of the answer is damaged.
        if field.iter().copied().all(is_of_name) {
            fields.extend_from_slice(if fields.is_empty() { b"" } else { b", " });
            fields.extend_from_slice(field);
        }
        match field.to_ascii_lowercase().as_slice() {
            b"location" => head.location = Some(redactor.clean(value)),
            b"content-length" => {
                let length = std::str::from_utf8(value).ok().and_then(|length| length.parse().ok());
                let shown = || format!("its answer has no length but {}", endpoint.show_start(value));
                head.length = Some(length.ok_or_else(|| Failure::lost(shown()))?);
            }
            b"transfer-encoding" => head.is_chunked = value.to_ascii_lowercase().ends_with(b"chunked"),
            _ => {}
        }
    }
}

/// A character of the name of a field (RFC 9110 section 5.6.2).
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A line without its end.
fn read_line(stream: &mut Stream) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut line = Zeroizing::new(Vec::new());
    stream.read_line(&mut line, |_| true).map_err(explain)?;
    let length = line.trim_ascii_end().len();
    line.truncate(length);
    Ok(line)
}

/// The content of an answer (RFC 9112 section 6.3).
fn read_body(stream: &mut Stream, head: &Head) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut body = Zeroizing::new(Vec::new());
    if matches!(head.status, NO_CONTENT | NOT_MODIFIED) {
        return Ok(body);
    }
    if head.is_chunked {
        loop {
            let line = read_line(stream)?;
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            let length = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
            match length {
                None => return Err(Failure::lost("its answer has a chunk without a length")),
                Some(0) => return Ok(body),
                Some(length) => stream.take(length, &mut body, MAX_PHASE_BYTES).map_err(explain)?,
            }
            read_line(stream)?;
        }
    }
    match (head.length, stream.take(head.length.unwrap_or(usize::MAX), &mut body, MAX_PHASE_BYTES)) {
        // Without a length the end of the connection is the end of the answer.
        (_, Ok(())) | (None, Err(Broken::Closed)) => Ok(body),
        (_, Err(broken)) => Err(explain(broken)),
    }
}

fn explain(broken: Broken) -> Failure {
    match broken {
        Broken::Closed => Failure::lost("connection closed by the server before its answer was complete"),
        Broken::Lost(reason) => Failure::Lost(reason),
        Broken::TooMuch(what) => Failure::lost(what),
    }
}

/// The same failure with the name of the server in front.
fn name(mut failure: Failure, server: &str) -> Failure {
    let (Failure::Refused(reason) | Failure::Lost(reason) | Failure::Local(reason)) = &mut failure;
    // An address stands in some reasons already.
    if !reason.what.starts_with(server) {
        reason.what = format!("{server}: {}", reason.what);
    }
    // The name of a token endpoint is in its URL alone, and it gets no certificate of ours.
    reason.hint.take_if(|hint| ["--tls", "--client-cert"].iter().any(|option| hint.contains(option)));
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_that_is_about_the_imap_server_alone_is_left_out() {
        let named = |hint: &str| name(Failure::lost("no").with_hint(hint), "login.example.org");
        for hint in
            ["see --client-cert", "no common cipher, or a name: see --client-cert and --tls-name", "see --tls-min"]
        {
            assert_eq!(named(hint), Failure::lost("login.example.org: no"), "{hint}");
        }
        assert_eq!(named("see --ca-file"), Failure::lost("login.example.org: no").with_hint("see --ca-file"));
    }
}
