//! A scripted server: it plays steps over a socket and knows no IMAP. What the steps mean, and
//! what the plugin should make of them, is told in `on_script.rs`.
use std::io::{self, Read, Write};
use std::iter::{self, Peekable};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslAcceptor, SslMethod, SslStream};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use tempfile::NamedTempFile;

/// One thing that the server does.
#[derive(Debug, Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// Sends `TAG text`, with the tag of the last command.
    SendTagged(Vec<u8>),
    /// Sends what is made of the last command's tag.
    Answer(fn(tag: &str) -> Vec<u8>),
    /// Reads a line that must contain this text.
    Expect(String),
    /// Sends one byte after each interval.
    Drip {
        bytes: Vec<u8>,
        interval: Duration,
    },
    Pause(Duration),
    /// Waits until the client says something, and leaves it unread.
    Await,
    /// Holds the connection open, reading, until the client leaves.
    Silence,
    /// Sends this again and again until the client leaves or had so many bytes.
    Flood {
        bytes: Vec<u8>,
        at_most: usize,
    },
    StartTls,
    /// Ends the sending side and goes on reading until the client leaves.
    HalfClose,
    Close,
    /// Closes with the client's next words unread, which the kernel tells it by a reset.
    Reset,
    /// Alone in a script: resets a client that says nothing, by never accepting it.
    Abandon,
}

const FREE_PORT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// What a client did to the server.
#[derive(Debug, Default, Clone)]
pub struct Record {
    pub connections: usize,
    /// Whether a client was seen to leave.
    pub left: bool,
    /// Everything that the client said, in and outside TLS.
    pub bytes: Vec<u8>,
    /// How often the client's data came after ours (or first): the round trips it cost.
    pub turns: usize,
    /// Lines that the script did not expect.
    pub surprises: Vec<String>,
}

impl Record {
    pub fn contains(&self, text: &str) -> bool {
        contains(&self.bytes, text.as_bytes())
    }

    pub fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        text.lines().map(str::to_owned).collect()
    }

    /// The second word of every line: `LOGIN`, `SELECT`.
    pub fn commands(&self) -> Vec<String> {
        let second = |line: &String| line.split(' ').nth(1).map(str::to_uppercase);
        self.lines().iter().filter_map(second).collect()
    }
}

/// A listener on loopback and the threads that serve it.
pub struct Server {
    pub port: u16,
    address: SocketAddr,
    ca_file: NamedTempFile,
    record: Arc<Mutex<Record>>,
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Every connection plays the same steps from the beginning.
    pub fn start(steps: Vec<Step>) -> Self {
        Self::at(FREE_PORT, steps).expect("a free port")
    }

    /// The first connection plays the first script, the next one the next; behind the last there is no more listener.
    pub fn in_turn(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind(FREE_PORT).expect("a free port");
        Self::serving(listener, scripts)
    }

    /// As [`Server::start`], on an address of loopback.
    pub fn at(address: SocketAddr, steps: Vec<Step>) -> io::Result<Self> {
        Ok(Self::serving(TcpListener::bind(address)?, iter::repeat(steps)))
    }

    fn serving<S>(listener: TcpListener, scripts: S) -> Self
    where
        S: IntoIterator<Item = Vec<Step>>,
        S::IntoIter: Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Mutex::new(Record::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (record.clone(), stop.clone());
        let mut scripts = scripts.into_iter().peekable();
        let acceptor = thread::spawn(move || {
            if let Some([Step::Abandon]) = scripts.peek().map(Vec::as_slice) {
                abandon(listener, &stopped);
            } else {
                serve(listener, scripts, &shared, &stopped);
            }
        });
        let ca_file = NamedTempFile::new().unwrap();
        std::fs::write(&ca_file, IDENTITY.1.to_pem().unwrap()).unwrap();
        Self { port: address.port(), address, ca_file, record, stop, acceptor: Some(acceptor) }
    }

    /// Tells at any time whether this holds for what was seen so far.
    pub fn watch(&self, holds: impl Fn(&Record) -> bool + 'static) -> impl Fn() -> bool + 'static {
        let record = self.record.clone();
        move || holds(&record.lock().unwrap())
    }

    /// The certificate that `StartTls` shows, for 127.0.0.1 and localhost.
    pub fn ca_file(&self) -> &Path {
        self.ca_file.path()
    }

    /// Waits until every connection is over (the client must have left) and tells what was seen.
    pub fn finish(mut self) -> Record {
        self.end();
        self.record.lock().unwrap().clone()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(acceptor) = self.acceptor.take() {
            // Wakes the thread that waits in accept; where the listener is gone, it has ended.
            TcpStream::connect(self.address).ok();
            acceptor.join().ok();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(
    listener: TcpListener,
    mut scripts: Peekable<impl Iterator<Item = Vec<Step>>>,
    record: &Arc<Mutex<Record>>,
    stop: &Arc<AtomicBool>,
) {
    let mut listener = Some(listener);
    let mut connections = Vec::new();
    while let (Some(open), Some(steps)) = (&listener, scripts.next()) {
        let accepted = open.accept();
        if stop.load(Ordering::SeqCst) {
            break;
        }
        // Before the client can come back.
        listener = listener.filter(|_| scripts.peek().is_some());
        let Ok((socket, _)) = accepted else { continue };
        record.lock().unwrap().connections += 1;
        let mut connection = Connection::new(socket, record.clone(), stop.clone());
        connections.push(thread::spawn(move || connection.play(&steps).ok()));
    }
    drop(listener);
    for connection in connections {
        connection.join().ok();
    }
}

/// Closes a listener whose client was never accepted, which resets that client.
fn abandon(listener: TcpListener, stop: &AtomicBool) {
    let here = format!(":{:04X}", listener.local_addr().unwrap().port());
    let waiting = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let established = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.len() > 3 && fields[1].ends_with(&here) && fields[3] == "01"
        };
        table.lines().any(established)
    };
    while !stop.load(Ordering::SeqCst) && !waiting() {
        thread::sleep(Duration::from_millis(20));
    }
    // The client should have seen its connection before it loses it.
    thread::sleep(Duration::from_millis(400));
    drop(listener);
}

/// One accepted client.
struct Connection {
    stream: Stream,
    record: Arc<Mutex<Record>>,
    stop: Arc<AtomicBool>,
    unread: Vec<u8>,
    tag: String,
    in_literal: bool,
}

impl Connection {
    fn new(socket: TcpStream, record: Arc<Mutex<Record>>, stop: Arc<AtomicBool>) -> Self {
        // No script lasts this long: a bound for a client that neither talks nor leaves.
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        socket.set_nodelay(true).unwrap();
        let tap = Tap { socket, record: record.clone(), ours_was_last: true };
        Self { stream: Stream::Plain(tap), record, stop, unread: Vec::new(), tag: String::new(), in_literal: false }
    }

    fn play(&mut self, steps: &[Step]) -> io::Result<()> {
        for step in steps {
            match step {
                Step::Send(bytes) => self.stream.write_all(bytes)?,
                Step::SendTagged(text) => {
                    let line = [self.tag.as_bytes(), b" ", text, b"\r\n"].concat();
                    self.stream.write_all(&line)?;
                }
                Step::Answer(made_of) => {
                    let answer = made_of(&self.tag);
                    self.stream.write_all(&answer)?;
                }
                Step::Expect(text) => self.expect(text)?,
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
                Step::StartTls => self.start_tls()?,
                Step::HalfClose => {
                    self.stream.tap().socket.shutdown(Shutdown::Write)?;
                    while self.read()? > 0 {}
                }
                Step::Close => return self.stream.tap().socket.shutdown(Shutdown::Both),
                Step::Abandon => panic!("Abandon stands alone in a script"),
                Step::Reset => {
                    self.stream.tap().socket.peek(&mut [0])?;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn expect(&mut self, text: &str) -> io::Result<()> {
        let line = self.read_line()?;
        if line.contains(text) {
            return Ok(());
        }
        let surprise = format!("expected {text:?}, got {line:?}");
        let mut record = self.record.lock().unwrap();
        record.surprises.push(surprise.clone());
        Err(io::Error::other(surprise))
    }

    /// Reads a line and remembers its tag, unless it belongs to a literal of the line before.
    fn read_line(&mut self) -> io::Result<String> {
        let end = loop {
            if let Some(end) = self.unread.iter().position(|b| *b == b'\n') {
                break end;
            }
            if self.read()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        if !self.in_literal {
            line.split(' ').next().unwrap_or("").clone_into(&mut self.tag);
        }
        self.in_literal = line.ends_with('}');
        Ok(line)
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

    fn start_tls(&mut self) -> io::Result<()> {
        let Stream::Plain(tap) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            panic!("a script starts TLS twice");
        };
        let ssl = Ssl::new(ACCEPTOR.context()).unwrap();
        let mut stream = SslStream::new(ssl, tap).unwrap();
        stream.accept().map_err(io::Error::other)?;
        self.stream = Stream::Tls(Box::new(stream));
        Ok(())
    }
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

pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

static ACCEPTOR: LazyLock<SslAcceptor> = LazyLock::new(|| {
    let (key, certificate) = &*IDENTITY;
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_private_key(key).unwrap();
    builder.set_certificate(certificate).unwrap();
    builder.build()
});

/// A key and a certificate that vouches for itself, made anew for every test run.
static IDENTITY: LazyLock<(PKey<Private>, X509)> = LazyLock::new(|| identity("scripted server"));

/// A CA that has nothing to do with the server.
pub fn foreign_ca() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(&file, identity("foreign CA").1.to_pem().unwrap()).unwrap();
    file
}

fn identity(common_name: &str) -> (PKey<Private>, X509) {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", common_name).unwrap();
    let name = name.build();
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, MsbOption::MAYBE_ZERO, false).unwrap();

    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    let ca = BasicConstraints::new().critical().ca().build().unwrap();
    builder.append_extension(ca).unwrap();
    let names = SubjectAlternativeName::new()
        .ip("127.0.0.1")
        .dns("localhost")
        .build(&builder.x509v3_context(None, None))
        .unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (key, builder.build())
}
