//! One client of the scripted server: plays the steps over its socket, in and outside TLS. It knows no IMAP but the tag
//! in front of a line, the literal behind one, and the `+` that asks for more.
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use openssl::ssl::{Ssl, SslContext, SslRef, SslStream, SslVersion};

use super::identity::CONTEXT;
use super::server::{Record, Surprise};
use super::step::{Said, Step};

/// One accepted client.
pub struct Connection {
    stream: Stream,
    record: Arc<Mutex<Record>>,
    stop: Arc<AtomicBool>,
    unread: Vec<u8>,
    /// What was read last.
    line: String,
    tag: String,
    said: Said,
    /// The literal that the line announced.
    announced: Option<Literal>,
    /// Whether the client was asked to go on, so that what it says next has no tag.
    goes_on: bool,
}

impl Connection {
    pub fn new(socket: TcpStream, record: Arc<Mutex<Record>>, stop: Arc<AtomicBool>) -> Self {
        // No script lasts this long: a bound for a client that neither talks nor leaves.
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        socket.set_nodelay(true).unwrap();
        let tap = Tap { socket, record: record.clone(), ours_was_last: true };
        Self {
            stream: Stream::Plain(tap),
            record,
            stop,
            unread: Vec::new(),
            line: String::new(),
            tag: String::new(),
            said: Said::default(),
            announced: None,
            goes_on: false,
        }
    }

    /// Plays until a step ends the connection.
    pub fn play(&mut self, steps: &[Step]) -> io::Result<ControlFlow<()>> {
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    self.goes_on |= bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"+"));
                    self.stream.write_all(bytes)?;
                }
                Step::SendDated(text) => self.stream.write_all(date(text).as_bytes())?,
                Step::SendTagged(text) => {
                    let line = [self.tag.as_bytes(), b" ", text, b"\r\n"].concat();
                    self.stream.write_all(&line)?;
                }
                Step::Answer(made_of) => {
                    let answer = made_of(&self.tag);
                    self.stream.write_all(&answer)?;
                }
                Step::Computed(computed) => {
                    let answer = computed.make(&self.said);
                    self.goes_on |= answer.starts_with(b"+");
                    self.stream.write_all(&answer)?;
                }
                Step::Expect(text) => self.expect(text)?,
                Step::Answered(answers) => match answers.to(&self.line) {
                    Ok(answer) => {
                        if self.play(answer)?.is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                    Err(commands) => return Err(self.surprised(&commands)),
                },
                Step::Drip { bytes, interval } => {
                    for byte in bytes {
                        self.pause(*interval)?;
                        self.stream.write_all(&[*byte])?;
                    }
                }
                Step::Pause(time) => self.pause(*time)?,
                Step::Await => {
                    self.stream.tap().socket.peek(&mut [0])?;
                }
                Step::Silence => while self.read()? > 0 {},
                Step::Flood { bytes, at_most } => {
                    let mut sent = 0;
                    while sent < *at_most {
                        self.stream.write_all(bytes)?;
                        sent += bytes.len();
                    }
                }
                Step::StartTls => self.start_tls(&CONTEXT)?,
                Step::StartTlsAs(context) => self.start_tls(context)?,
                Step::HalfClose => {
                    self.stream.tap().socket.shutdown(Shutdown::Write)?;
                    while self.read()? > 0 {}
                }
                Step::Close => {
                    self.stream.tap().socket.shutdown(Shutdown::Both)?;
                    return Ok(ControlFlow::Break(()));
                }
                Step::Abandon => panic!("Abandon stands alone in a script"),
                Step::Reset => {
                    self.stream.tap().socket.peek(&mut [0])?;
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn expect(&mut self, text: &str) -> io::Result<()> {
        self.record.lock().unwrap().awaited = Some(text.to_owned());
        self.line = self.read_line()?;
        self.said.lines.push(self.line.clone());
        self.record.lock().unwrap().awaited = None;
        if self.line.contains(text) { Ok(()) } else { Err(self.surprised(text)) }
    }

    /// Notes that the script did not expect what came.
    fn surprised(&self, expected: &str) -> io::Error {
        let surprise = Surprise { expected: expected.to_owned(), came: self.line.clone() };
        let error = io::Error::other(surprise.to_string());
        self.record.lock().unwrap().surprises.push(surprise);
        error
    }

    /// Reads a line and remembers its tag. What the client says to a `+` has none; a literal for which it awaits no `+`
    /// belongs to the line.
    fn read_line(&mut self) -> io::Result<String> {
        let awaited = self.announced.take().filter(|_| self.goes_on);
        let mut line = self.take_line(awaited.map_or(0, |literal| literal.length))?;
        if !std::mem::take(&mut self.goes_on) {
            line.split(' ').next().unwrap_or("").clone_into(&mut self.tag);
        }
        while let Some(literal) = Literal::announced_by(&line) {
            if literal.waits {
                self.announced = Some(literal);
                break;
            }
            line = format!("{line}\n{}", self.take_line(literal.length)?);
        }
        Ok(line)
    }

    /// So many bytes and the rest of their line, without its end.
    fn take_line(&mut self, bytes: usize) -> io::Result<String> {
        let end = loop {
            let rest = self.unread.get(bytes..).unwrap_or_default();
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                break bytes + end;
            }
            if self.read()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        let count = self.stream.read(&mut buffer)?;
        let mut record = self.record.lock().unwrap();
        record.left |= count == 0;
        record.bytes.extend_from_slice(&buffer[..count]);
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn pause(&self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.stop.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            thread::sleep(Duration::from_millis(10).min(end - Instant::now()));
        }
        Ok(())
    }

    fn start_tls(&mut self, context: &SslContext) -> io::Result<()> {
        let Stream::Plain(tap) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            panic!("a script starts TLS twice");
        };
        let ssl = Ssl::new(context).unwrap();
        let mut stream = SslStream::new(ssl, tap).unwrap();
        stream.accept().map_err(io::Error::other)?;
        self.said.binding = find_binding(stream.ssl());
        self.stream = Stream::Tls(Box::new(stream));
        Ok(())
    }
}

/// What a line announces at its end: `{17}`, or `{17+}`, for which no `+` is awaited.
struct Literal {
    length: usize,
    waits: bool,
}

impl Literal {
    fn announced_by(line: &str) -> Option<Self> {
        let (_, inside) = line.strip_suffix('}')?.rsplit_once('{')?;
        let digits = inside.trim_end_matches('+');
        Some(Self { length: digits.parse().ok()?, waits: digits == inside })
    }
}

/// The server's end of `tls-exporter` and of `tls-unique`.
fn find_binding(ssl: &SslRef) -> Vec<u8> {
    let mut value = vec![0; 32];
    if ssl.version2() == Some(SslVersion::TLS1_3) {
        ssl.export_keying_material(&mut value, "EXPORTER-Channel-Binding", Some(&[])).unwrap();
    } else {
        let length = ssl.peer_finished(&mut value);
        value.truncate(length);
    }
    value
}

/// The text with a date of RFC 9051 section 9, so many seconds ago, in place of each `<SECONDS>`.
fn date(text: &str) -> String {
    let date = |(place, part): (usize, &str)| {
        if place % 2 == 0 {
            return part.to_owned();
        }
        let age = TimeDelta::seconds(part.parse().expect("a number of seconds"));
        (Utc::now() - age).format("%d-%b-%Y %H:%M:%S +0000").to_string()
    };
    text.split(['<', '>']).enumerate().map(date).collect()
}

enum Stream {
    Plain(Tap),
    Tls(Box<SslStream<Tap>>),
    /// The handshake failed.
    Gone,
}

impl Stream {
    fn tap(&self) -> &Tap {
        match self {
            Self::Plain(tap) => tap,
            Self::Tls(stream) => stream.get_ref(),
            Self::Gone => panic!("the script ends with a failed handshake"),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tap) => tap.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
            Self::Gone => Ok(0),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tap) => tap.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes),
            Self::Gone => Ok(()),
        }
    }
}

/// The socket below TLS, where the client's turns are counted.
struct Tap {
    socket: TcpStream,
    record: Arc<Mutex<Record>>,
    ours_was_last: bool,
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(buffer)?;
        if self.ours_was_last && count > 0 {
            self.record.lock().unwrap().turns += 1;
            self.ours_was_last = false;
        }
        Ok(count)
    }
}

impl Write for Tap {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.ours_was_last = true;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
