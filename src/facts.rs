//! Facts that a run learns about the server. Each is reported as soon as it is known, so that a timeout loses none.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// Something learnt on the way; text is clean for output.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A file of the user is being read: which.
    Reading(String),
    /// The addresses of the name.
    Addresses(Vec<SocketAddr>),
    /// A connection to this address is being tried.
    Tried(SocketAddr),
    /// An address did not answer: why.
    Unreachable(SocketAddr, String),
    /// The address that answered, and a handle to close the connection by.
    Peer(SocketAddr, Option<Arc<TcpStream>>),
    /// The server was sent a header of the PROXY protocol, with this address of ours.
    Announced(SocketAddr),
    /// The bytes of IMAP that have come from the server: counted as they come.
    Received(Arc<AtomicUsize>),
    /// The name in the certificate of ours, which the server gets if it asks for one.
    OwnCertificate(String),
    /// The TLS version and cipher.
    Tls(Tls),
    /// The server's certificate, and that of a CA in its chain which expires earlier: the first one to expire, if one does.
    Certificates(Certificate, Option<Certificate>),
    /// The source of trust, such as a CA file.
    Trust(String),
    /// A line of the IMAP dialogue, and when it was sent or read.
    Dialogue(Instant, String),
}

/// All facts of one connection, or of those that followed each other in one run.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Time from program start to the first phase: options, files, the TLS library.
    pub preparation: Option<Duration>,
    /// The addresses of the name.
    pub addresses: Vec<SocketAddr>,
    /// The file that is or was last being read.
    pub reading: Option<String>,
    /// Addresses that were tried.
    pub tried: Vec<SocketAddr>,
    /// Addresses that did not answer, and why.
    pub unreachable: Vec<(SocketAddr, String)>,
    /// The address that answered.
    pub peer: Option<SocketAddr>,
    /// The address of ours that a header of the PROXY protocol has.
    pub announced: Option<SocketAddr>,
    /// The bytes of IMAP that have come from the server.
    pub received: Option<Arc<AtomicUsize>>,
    /// The name in the certificate of ours, which the server gets if it asks for one.
    pub own_certificate: Option<String>,
    /// The TLS version and cipher.
    pub tls: Option<Tls>,
    /// The server's certificate.
    pub certificate: Option<Certificate>,
    /// The first certificate of its chain to expire, if that is not the server's own.
    pub expiring_ca: Option<Certificate>,
    /// The source of trust, such as a CA file.
    pub trust: Option<String>,
    /// The IMAP dialogue, secrets masked: seconds since program start, and the line.
    pub dialogue: Vec<String>,
}

/// The TLS version and cipher that client and server agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `TLSv1.3`
    pub version: &'static str,
    /// By OpenSSL's name.
    pub cipher: &'static str,
    /// Whether certificate and name were verified.
    pub is_verified: bool,
}

/// The important fields of a server's certificate (RFC 5280); text is clean for output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Subject, in short: its common name or first alternative name.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Valid from.
    pub not_before: DateTime<Utc>,
    /// Valid until.
    pub not_after: DateTime<Utc>,
}

impl Facts {
    /// The address that answered, if the name has several.
    #[must_use]
    pub fn find_peer_of_several(&self) -> Option<IpAddr> {
        self.peer.filter(|_| self.addresses.len() > 1).map(|peer| peer.ip())
    }

    /// Adds a fact. `start` is the start of the program. A handle to close the connection by is handed back.
    pub fn learn(&mut self, fact: Fact, start: Instant) -> Option<Arc<TcpStream>> {
        match fact {
            Fact::Reading(what) => self.reading = Some(what),
            Fact::Addresses(addresses) => self.addresses = addresses,
            // A fresh connection tries them again.
            Fact::Tried(address) if self.tried.contains(&address) => {}
            Fact::Tried(address) => self.tried.push(address),
            Fact::Unreachable(address, why) => self.unreachable.push((address, why)),
            Fact::Peer(address, connection) => {
                self.peer = Some(address);
                return connection;
            }
            Fact::Announced(address) => self.announced = Some(address),
            Fact::OwnCertificate(name) => self.own_certificate = Some(name),
            Fact::Received(received) => self.received = Some(received),
            Fact::Tls(tls) => self.tls = Some(tls),
            Fact::Certificates(own, ca) => (self.certificate, self.expiring_ca) = (Some(own), ca),
            Fact::Trust(trust) => self.trust = Some(trust),
            Fact::Dialogue(at, line) => {
                let time = at.saturating_duration_since(start).as_secs_f64();
                self.dialogue.push(format!("{time:.6} {line}"));
            }
        }
        None
    }

    /// Whether the server accepted the connection and has sent no byte of IMAP.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.received.as_ref().is_some_and(|received| received.load(Ordering::Relaxed) == 0)
    }
}

/// A span of time as people say it: `3 days`, `5 hours`, `20 minutes`.
#[must_use]
pub fn describe_span(delta: TimeDelta) -> String {
    let plural = |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    let delta = delta.abs();
    if delta.num_days() > 0 {
        plural(delta.num_days(), "day")
    } else if delta.num_hours() > 0 {
        plural(delta.num_hours(), "hour")
    } else {
        plural(delta.num_minutes(), "minute")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        assert_eq!(describe_span(TimeDelta::hours(-73)), "3 days");
        assert_eq!(describe_span(TimeDelta::hours(1)), "1 hour");
        assert_eq!(describe_span(TimeDelta::seconds(59)), "0 minutes");
    }
}
