//! A byte stream to the server, plain or TLS, that reads by lines and never more than it is allowed to.
//! The lines are read by `dialogue.rs`; how long they may take is the supervisor's business.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::failure::Reason;
use crate::net::tcp::Tcp;
use crate::net::tls::{ChannelBinding, TlsStream, explain_io_error, is_closed};
use crate::text::describe_io_error;

/// The most that is read in one phase.
pub const MAX_PHASE_BYTES: usize = 1 << 20;
/// The most that is read in one run.
pub const MAX_RUN_BYTES: usize = 8 << 20;

/// Bytes at the end of a line that announce a literal, the line end included: `{4294967295+}`.
const ANNOUNCEMENT: usize = 32;

/// TCP, or TLS over it.
pub enum Socket {
    /// TCP.
    Plain(Tcp),
    /// TLS.
    Tls(TlsStream),
    /// A server out of memory, for `fuzz/`.
    #[cfg(fuzzing)]
    Played(Box<dyn Played>),
}

/// A server that a fuzzer plays in the place of a socket.
#[cfg(fuzzing)]
pub trait Played: Read + Write + Send {}

/// A socket with a read buffer and byte caps.
pub struct Stream {
    socket: Socket,
    buffer: Box<[u8]>,
    /// The unread part of the buffer.
    unread: std::ops::Range<usize>,
    phase_bytes: usize,
    /// Shared by all connections of a run.
    run_bytes: Arc<AtomicUsize>,
}

/// Why nothing more can be read or written.
#[derive(Debug)]
pub enum Broken {
    /// End of stream.
    Closed,
    /// Reset, or another error of the network or of TLS, in words.
    Lost(Reason),
    /// More data than is allowed.
    TooMuch(String),
}

impl Stream {
    /// Nothing is read yet by this one; `run_bytes` counts what the run reads.
    #[must_use]
    pub fn new(socket: Socket, run_bytes: Arc<AtomicUsize>) -> Self {
        Self { socket, buffer: vec![0; 16 * 1024].into_boxed_slice(), unread: 0..0, phase_bytes: 0, run_bytes }
    }

    /// Puts TLS over the TCP connection. What has arrived before and is not read is dropped: look at
    /// [`Stream::buffered`] first.
    ///
    /// # Errors
    /// Those of the handshake.
    pub fn encrypt<E>(self, handshake: impl FnOnce(Tcp) -> Result<TlsStream, E>) -> Result<Self, E> {
        let socket = match self.socket {
            Socket::Plain(tcp) => Socket::Tls(handshake(tcp)?),
            Socket::Tls(_) => self.socket,
            #[cfg(fuzzing)]
            Socket::Played(_) => self.socket,
        };
        Ok(Self { socket, unread: 0..0, ..self })
    }

    /// The value that stands for the TLS connection.
    ///
    /// # Errors
    /// Why there is none.
    pub fn find_binding(&self) -> Result<ChannelBinding, String> {
        match &self.socket {
            Socket::Tls(tls) => ChannelBinding::find(tls),
            Socket::Plain(_) => Err("it has no TLS".to_owned()),
            #[cfg(fuzzing)]
            Socket::Played(_) => Err("it has no TLS".to_owned()),
        }
    }

    /// Begins to count anew towards [`MAX_PHASE_BYTES`].
    pub fn begin_phase(&mut self) {
        self.phase_bytes = 0;
    }

    /// The bytes that have arrived and are not yet read.
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        self.buffer.get(self.unread.clone()).unwrap_or_default()
    }

    /// Appends a line, with its LF, to `line`. Of the part that is not `kept`, only the last bytes stay: a literal may be
    /// announced there.
    ///
    /// # Errors
    /// See [`Broken`]; a part of a line may then have been appended.
    pub fn read_line(&mut self, line: &mut Vec<u8>, kept: impl Fn(&[u8]) -> bool) -> Result<(), Broken> {
        let mut dropped_at = None;
        loop {
            let buffered = self.buffered();
            let end = buffered.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
            let taken = end.unwrap_or(buffered.len());
            let part = buffered.get(..taken).unwrap_or_default();
            if dropped_at.is_none() && !kept(line) {
                dropped_at = Some(line.len());
            }
            match dropped_at {
                None => line.extend_from_slice(part),
                Some(at) => {
                    line.extend_from_slice(part.get(part.len().saturating_sub(ANNOUNCEMENT)..).unwrap_or_default());
                    line.drain(at..line.len().saturating_sub(ANNOUNCEMENT).max(at));
                }
            }
            self.unread.start += taken;
            if end.is_some() {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Reads this many bytes and appends them to `kept`, as far as that has room up to `most` bytes in all.
    ///
    /// # Errors
    /// See [`Broken`].
    pub fn take(&mut self, mut bytes: usize, kept: &mut Vec<u8>, most: usize) -> Result<(), Broken> {
        loop {
            let taken = self.unread.len().min(bytes);
            let room = most.saturating_sub(kept.len());
            kept.extend_from_slice(self.buffered().get(..taken.min(room)).unwrap_or_default());
            self.unread.start += taken;
            bytes -= taken;
            if bytes == 0 {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Writes all and flushes.
    ///
    /// # Errors
    /// See [`Broken`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let written = match &mut self.socket {
            Socket::Plain(tcp) => tcp.write_all(bytes),
            Socket::Tls(tls) => tls.write_all(bytes),
            #[cfg(fuzzing)]
            Socket::Played(played) => played.write_all(bytes),
        };
        written.map_err(|error| explain(&error))
    }

    /// Reads what has arrived, without waiting for more. False if nothing has, or if something is not read yet.
    ///
    /// # Errors
    /// See [`Broken`].
    pub fn read_arrived(&mut self) -> Result<bool, Broken> {
        if !self.unread.is_empty() {
            return Ok(false);
        }
        self.check_caps()?;
        self.set_waiting(false);
        let read = self.read_socket();
        self.set_waiting(true);
        match read {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            read => self.count(read).map(|()| true),
        }
    }

    fn set_waiting(&mut self, waits: bool) {
        match &mut self.socket {
            Socket::Plain(tcp) => tcp.set_waiting(waits),
            Socket::Tls(tls) => tls.get_mut().set_waiting(waits),
            #[cfg(fuzzing)]
            Socket::Played(_) => {}
        }
    }

    fn fill(&mut self) -> Result<(), Broken> {
        self.check_caps()?;
        let read = self.read_socket();
        self.count(read)
    }

    fn check_caps(&self) -> Result<(), Broken> {
        for (count, most, of) in [
            (self.phase_bytes, MAX_PHASE_BYTES, "a phase"),
            (self.run_bytes.load(Ordering::Relaxed), MAX_RUN_BYTES, "a run"),
        ] {
            if count >= most {
                return Err(Broken::TooMuch(format!(
                    "the server sent more than {} MiB, the most that {of} takes",
                    most >> 20
                )));
            }
        }
        Ok(())
    }

    fn read_socket(&mut self) -> io::Result<usize> {
        loop {
            let result = match &mut self.socket {
                Socket::Plain(tcp) => tcp.read(&mut self.buffer),
                Socket::Tls(tls) => tls.read(&mut self.buffer),
                #[cfg(fuzzing)]
                Socket::Played(played) => played.read(&mut self.buffer),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn count(&mut self, read: io::Result<usize>) -> Result<(), Broken> {
        let read = read.map_err(|error| explain(&error))?;
        if read == 0 {
            return Err(Broken::Closed);
        }
        self.unread = 0..read;
        self.phase_bytes += read;
        self.run_bytes.fetch_add(read, Ordering::Relaxed);
        Ok(())
    }
}

fn explain(error: &io::Error) -> Broken {
    if is_closed(error) {
        return Broken::Closed;
    }
    let reason = explain_io_error(error).map(|failure| failure.reason().clone());
    Broken::Lost(reason.unwrap_or_else(|| describe_io_error(error).into()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_has_arrived_is_read_without_waiting_and_so_is_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        // Waits until something is there, the end of the stream included, and leaves it there.
        let watch = ours.try_clone().unwrap();
        let wait = || watch.peek(&mut [0; 8]).unwrap();
        let mut stream = Stream::new(Socket::Plain(Tcp::new(ours)), Arc::default());
        assert!(!stream.read_arrived().unwrap());

        server.write_all(b"* BYE\r\n").unwrap();
        assert_eq!(wait(), 7);
        assert!(stream.read_arrived().unwrap());
        // What is not read yet is not overwritten.
        assert!(!stream.read_arrived().unwrap());
        let mut line = Vec::new();
        stream.read_line(&mut line, |_| true).unwrap();
        assert_eq!(line, b"* BYE\r\n");

        drop(server);
        assert_eq!(wait(), 0);
        assert!(matches!(stream.read_arrived(), Err(Broken::Closed)));
    }
}
