//! A server that answers each phase after a known delay and tells how long it really was: the clock runs from what it
//! received to what it sends.

use openssl::ssl::{Ssl, SslAcceptor, SslStream};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

/// The phases that a server can delay, in order.
pub const PHASES: [&str; 5] = ["tls", "greeting", "login", "select", "logout"];

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    AtOnce,
    /// In two segments and without `TCP_NODELAY`: the second one waits until the client has acknowledged the first one.
    InTwo,
}

/// Serves one client; tells how long each phase took, without TLS nothing for `tls`.
pub fn serve(
    listener: &TcpListener,
    tls: Option<&SslAcceptor>,
    delays: [Duration; 5],
    writing: Writing,
) -> [Option<Duration>; 5] {
    let (socket, _) = listener.accept().unwrap();
    socket.set_nodelay(writing == Writing::AtOnce).unwrap();
    let Some(acceptor) = tls else {
        let rest = talk(socket, Instant::now(), &delays[1..], writing);
        return [None, rest[0], rest[1], rest[2], rest[3]];
    };
    // The client's first word is there, and is left to be read.
    socket.peek(&mut [0]).unwrap();
    let asked = Instant::now();
    thread::sleep(delays[0]);
    let mut stream = SslStream::new(Ssl::new(acceptor.context()).unwrap(), socket).unwrap();
    stream.accept().unwrap();
    let agreed = Instant::now();
    let rest = talk(stream, agreed, &delays[1..], writing);
    [Some(agreed - asked), rest[0], rest[1], rest[2], rest[3]]
}

fn talk(stream: impl Read + Write, connected: Instant, delays: &[Duration], writing: Writing) -> Vec<Option<Duration>> {
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
        let (first, second) = answer.split_at(if writing == Writing::InTwo { answer.len() / 2 } else { 0 });
        for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
            stream.get_mut().write_all(part.as_bytes()).unwrap();
        }
    }
    // To close at once would take the time of the client, which is about to read.
    let _ = io::copy(&mut stream, &mut io::sink());
    truth
}
