//! A TCP connection on which the time of a reply is the server's alone.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustix::net::sockopt::set_tcp_quickack;
use rustix::net::{RecvFlags, recv};

/// A TCP connection that acknowledges at once what it waits for.
#[derive(Debug)]
pub struct Tcp {
    stream: TcpStream,
    /// Whether a read waits for data.
    waits: bool,
}

impl Tcp {
    /// Over this connection.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        // A command is one write: nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        Self { stream, waits: true }
    }

    /// Whether reads wait for data from now on. One that does not ends with `WouldBlock` if nothing has arrived.
    pub fn set_waiting(&mut self, waits: bool) {
        self.waits = waits;
    }
}

impl Read for Tcp {
    /// A server that writes a reply in two segments without `TCP_NODELAY` sends the second one when the first one is
    /// acknowledged (Nagle's algorithm, RFC 896). Linux delays that by 40 ms, in the hope that it can go with a command of
    /// ours. The option lasts until the kernel thinks better of it, so it is set before each read.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.waits {
            return Ok(recv(&self.stream, buffer, RecvFlags::DONTWAIT)?.0);
        }
        // Without it the reply comes all the same.
        let _ = set_tcp_quickack(&self.stream, true);
        self.stream.read(buffer)
    }
}

impl Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use rustix::net::sockopt::tcp_quickack;

    use super::*;

    #[test]
    fn what_is_read_is_acknowledged_without_delay() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut tcp = Tcp::new(ours);
        for _ in 0..3 {
            // As the kernel does once client and server speak in turn.
            set_tcp_quickack(&tcp.stream, false).unwrap();
            server.write_all(b"* OK").unwrap();
            tcp.read_exact(&mut [0; 4]).unwrap();
            assert!(tcp_quickack(&tcp.stream).unwrap());
            tcp.write_all(b"a1 NOOP").unwrap();
        }
    }
}
