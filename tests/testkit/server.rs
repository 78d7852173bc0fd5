//! A scripted server: a listener on loopback whose connections play steps, and the record of what clients did to it.
use std::fmt;
use std::io;
use std::iter::{self, Peekable};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::connection::Connection;
use super::identity;
use super::nagios::shorten;
use super::step::Step;

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
    /// Lines that a script did not expect.
    pub surprises: Vec<Surprise>,
    /// The text that a script waits for, or waited for when the client left.
    pub awaited: Option<String>,
}

/// A line that a script did not expect.
#[derive(Debug, Clone)]
pub struct Surprise {
    pub expected: String,
    pub came: String,
}

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server expected: {}\n          there came: {}", self.expected, shorten(&self.came))
    }
}

impl Record {
    /// Asserts that no line came but those that the scripts expected.
    pub fn check_expected(&self) {
        let surprises: Vec<String> = self.surprises.iter().map(Surprise::to_string).collect();
        assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    }

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
        let ca_file = identity::ca_file();
        Self { port: address.port(), address, ca_file, record, stop, acceptor: Some(acceptor) }
    }

    /// Whether this holds, asked at any time, for what was seen so far.
    pub fn watch(&self, holds: impl Fn(&Record) -> bool + 'static) -> impl Fn() -> bool + 'static {
        let record = self.record.clone();
        move || holds(&record.lock().unwrap())
    }

    /// The certificate that `StartTls` shows, for 127.0.0.1 and localhost.
    pub fn ca_file(&self) -> &Path {
        self.ca_file.path()
    }

    /// What was seen so far.
    pub fn look(&self) -> Record {
        self.record.lock().unwrap().clone()
    }

    /// Waits until every connection is over (the client must have left) and returns what was seen.
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

pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}
