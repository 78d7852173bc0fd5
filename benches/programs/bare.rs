//! The limit that `make bench` measures against: TLS with the certificate and its name verified, LOGIN, SELECT, and
//! nothing else. No options, no clock, no thread, no report, no LOGOUT; any fault is a panic.
//!
//! `bare implicit|starttls|none HOST PORT TRUST USER`, where TRUST is a CA file or a hashed directory; the password is
//! in `IMAP_SESSION_PASSWORD`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a program for measuring only")]

use openssl::ssl::{Ssl, SslContext, SslFiletype, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
// As the plugin does it.
#[cfg(all(target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
use unwinding as _;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, host, port, trust, user] = arguments.as_slice() else {
        panic!("bare implicit|starttls|none HOST PORT TRUST USER");
    };
    let password = std::env::var("IMAP_SESSION_PASSWORD").expect("a password in the environment");
    // As the plugin does it, before there is a connection.
    let context = (mode != "none").then(|| trusting(Path::new(trust)));
    let tcp = TcpStream::connect((host.as_str(), port.parse().expect("a port"))).expect("a connection");
    tcp.set_nodelay(true).unwrap();
    let begun = mode != "implicit";
    if begun {
        line_that_begins(&mut BufReader::new(&tcp), "* OK");
    }
    if mode == "starttls" {
        (&tcp).write_all(b"a0 STARTTLS\r\n").unwrap();
        line_that_begins(&mut BufReader::new(&tcp), "a0 OK");
    }
    match context {
        Some(context) => session(handshake(&context, host, tcp), begun, user, &password),
        None => session(tcp, begun, user, &password),
    }
    // As the plugin does: what is still open is the kernel's to close.
    std::process::exit(0);
}

fn trusting(trust: &Path) -> SslContext {
    let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
    if trust.is_dir() {
        let mut store = X509StoreBuilder::new().unwrap();
        let hashed = store.add_lookup(X509Lookup::hash_dir()).unwrap();
        hashed.add_dir(trust.to_str().unwrap(), SslFiletype::PEM).unwrap();
        builder.set_cert_store(store.build());
    } else {
        builder.set_ca_file(trust).expect("a CA file");
    }
    builder.set_verify(SslVerifyMode::PEER);
    builder.build()
}

fn handshake(context: &SslContext, host: &str, tcp: TcpStream) -> SslStream<TcpStream> {
    let mut ssl = Ssl::new(context).unwrap();
    if let Ok(address) = host.parse() {
        ssl.param_mut().set_ip(address).unwrap();
    } else {
        ssl.set_hostname(host).unwrap();
        ssl.param_mut().set_host(host).unwrap();
    }
    ssl.connect(tcp).expect("a handshake")
}

fn session(stream: impl Read + Write, greeted: bool, user: &str, password: &str) {
    let mut stream = BufReader::new(stream);
    if !greeted {
        line_that_begins(&mut stream, "* OK");
    }
    let login = format!("a1 LOGIN \"{user}\" \"{password}\"\r\n");
    stream.get_mut().write_all(login.as_bytes()).unwrap();
    line_that_begins(&mut stream, "a1 OK");
    stream.get_mut().write_all(b"a2 SELECT \"INBOX\"\r\n").unwrap();
    line_that_begins(&mut stream, "a2 OK");
}

/// Reads up to that line.
fn line_that_begins(stream: &mut impl BufRead, wanted: &str) {
    let mut line = String::new();
    while !line.starts_with(wanted) {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the end instead of {wanted}");
    }
}
