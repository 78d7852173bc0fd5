//! What the worker tells the supervisor, and how an operation can end.

use crate::plan::Plan;
use crate::report::{Certificate, Tls};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

/// How the worker tells. False once nobody listens any more.
pub type Tell = Arc<dyn Fn(Event) -> bool + Send + Sync>;

/// Does a job in the thread that it is called in, and tells what comes of it.
pub type Worker = Arc<dyn Fn(&Job, &Tell) + Send + Sync>;

/// What one worker does of a plan.
#[derive(Clone, Debug)]
pub struct Job {
    /// All phases.
    pub plan: Plan,
    /// The first phase to be done and told. Those before it are the set-up of a fresh connection: done, but not told.
    pub from: usize,
    /// Where to connect to, if that is known.
    pub addresses: Vec<SocketAddr>,
}

/// One message of the worker.
#[derive(Debug)]
pub enum Event {
    /// The connection is set up as far as the first phase to be done needs it: that phase begins.
    Ready(Instant),
    /// Nothing can be begun: a file of our own, in words.
    Obstacle(String),
    /// A fresh connection could not be set up: why.
    NotAgain(String),
    /// The running phase has ended, the next one of the plan begins.
    Ended {
        /// When.
        at: Instant,
        /// How.
        result: Result<Done, Stop>,
    },
    /// Something was learnt.
    Fact(Fact),
    /// A panic.
    Fault,
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
    /// Whether it is for want of something on this machine, which tells nothing about the server.
    pub ours: bool,
}

impl Failure {
    /// The end of the connection.
    #[must_use]
    pub fn lost(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), lost: true, ours: false }
    }

    /// A `NO` after which the dialogue goes on.
    #[must_use]
    pub fn refused(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), lost: false, ours: false }
    }
}

/// Something learnt on the way; text is clean for output.
#[derive(Debug)]
pub enum Fact {
    /// A file of our own is being read: which.
    Reading(String),
    /// What the name resolved to.
    Addresses(Vec<SocketAddr>),
    /// An address is tried.
    Tried(SocketAddr),
    /// An address did not answer: why.
    Refused(SocketAddr, String),
    /// The address that answered, and a handle to close the connection by.
    Peer(SocketAddr, Option<TcpStream>),
    /// What TLS agreed on.
    Tls(Tls),
    /// The server's certificate.
    Certificate(Certificate),
    /// Where trust comes from.
    Trust(String),
    /// A line of the IMAP dialogue.
    Dialogue(Instant, String),
}
