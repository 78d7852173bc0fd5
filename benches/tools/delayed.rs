//! A server that answers each phase after a known delay and tells how long it really was: the clock runs from what it
//! received to what it sends.

use openssl::ssl::{Ssl, SslAcceptor, SslStream};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

/// The phases that a server can delay, in order.
pub const PHASES: [&str; 5] = ["tls", "greeting", "login", "select", "logout"];

/// Serves one client; tells how long each phase took, without TLS nothing for `tls`.
pub fn serve(listener: &TcpListener, tls: Option<&SslAcceptor>, delays: [Duration; 5]) -> [Option<Duration>; 5] {
    let (socket, _) = listener.accept().unwrap();
    socket.set_nodelay(true).unwrap();
    let Some(acceptor) = tls else {
        let rest = talk(socket, Instant::now(), &delays[1..]);
        return [None, rest[0], rest[1], rest[2], rest[3]];
    };
    // The client's first word is there, and is left to be read.
    socket.peek(&mut [0]).unwrap();
    let asked = Instant::now();
    thread::sleep(delays[0]);
    let mut stream = SslStream::new(Ssl::new(acceptor.context()).unwrap(), socket).unwrap();
    stream.accept().unwrap();
    let agreed = Instant::now();
    let rest = talk(stream, agreed, &delays[1..]);
    [Some(agreed - asked), rest[0], rest[1], rest[2], rest[3]]
}

fn talk(stream: impl Read + Write, connected: Instant, delays: &[Duration]) -> Vec<Option<Duration>> {
    let mut stream = BufReader::new(stream);
    let mut asked = connected;
    let mut truth = Vec::new();
    for (phase, delay) in PHASES[1..].iter().zip(delays) {
        let mut line = String::new();
        if *phase != "greeting" {
            stream.read_line(&mut line).unwrap();
            asked = Instant::now();
        }
        let tag = line.split(' ').next().unwrap();
        let answer = match *phase {
            "greeting" => "* OK [CAPABILITY IMAP4rev1] ready\r\n".to_owned(),
            "select" => format!("* 1 EXISTS\r\n{tag} OK [READ-WRITE] done\r\n"),
            "logout" => format!("* BYE\r\n{tag} OK done\r\n"),
            _ => format!("{tag} OK done\r\n"),
        };
        thread::sleep(*delay);
        truth.push(Some(asked.elapsed()));
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
    }
    // To close at once would take the time of the client, which is about to read.
    let _ = io::copy(&mut stream, &mut io::sink());
    truth
}
