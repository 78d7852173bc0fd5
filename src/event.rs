//! What the worker tells the supervisor, and how an operation can end.

use crate::outcome::Certificate;
use std::net::SocketAddr;
use std::time::Instant;

/// One message of the worker.
#[derive(Debug)]
pub enum Event {
    /// The files are read, the first phase begins.
    Ready(Instant),
    /// Nothing can be begun: a file of our own, in words.
    Obstacle(String),
    /// A phase (by its place in the plan) has ended, the next one begins.
    Ended {
        /// Its place in the plan.
        phase: usize,
        /// When.
        at: Instant,
        /// How.
        result: Result<Done, Stop>,
    },
    /// Something was learnt.
    Fact(Fact),
}

/// What a phase yields beside its time.
#[derive(Debug, Default)]
pub struct Done {
    /// EXISTS of a SELECT.
    pub messages: Option<u32>,
    /// A remark, clean for output.
    pub note: Option<String>,
}

/// Why a phase yields nothing.
#[derive(Debug)]
pub enum Stop {
    /// The server or the network said no.
    Failed(Failure),
    /// An earlier phase made it impossible.
    Impossible,
}

/// The server or the network said no.
#[derive(Debug)]
pub struct Failure {
    /// In words, clean for output.
    pub reason: String,
    /// Whether the connection is of no more use.
    pub lost: bool,
}

impl Failure {
    /// The end of the connection.
    #[must_use]
    pub fn lost(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), lost: true }
    }

    /// A `NO` after which the dialogue goes on.
    #[must_use]
    pub fn refused(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), lost: false }
    }
}

/// Something learnt on the way; text is clean for output.
#[derive(Debug)]
pub enum Fact {
    /// What the name resolved to.
    Addresses(Vec<SocketAddr>),
    /// An address did not answer: why.
    Refused(SocketAddr, String),
    /// The address that answered.
    Peer(SocketAddr),
    /// TLS version and cipher.
    Tls(String),
    /// The server's certificate.
    Certificate(Certificate),
    /// Where trust comes from.
    Trust(String),
    /// A line of the IMAP dialogue.
    Dialogue(Instant, String),
}
