//! What a scripted server does, one step after the other, and the steps that scripts are often made of. What the steps
//! mean in IMAP is for whoever writes a script.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use openssl::ssl::SslContext;

use super::plan::{Phase, Plan};

/// One thing that the server does.
#[derive(Debug, Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// Sends this, with the date so many seconds ago in place of each `<SECONDS>`.
    SendDated(String),
    /// Sends `TAG text`, with the tag of the last command.
    SendTagged(Vec<u8>),
    /// Sends what is made of the last command's tag.
    Answer(fn(tag: &str) -> Vec<u8>),
    /// Sends what is made of all that the client has said.
    Computed(Computed),
    /// Reads a line that must contain this text.
    Expect(String),
    /// Plays what belongs to the command that was read last.
    Answered(Answers),
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
    /// The same with another certificate, or other settings.
    StartTlsAs(SslContext),
    /// Ends the sending side and goes on reading until the client leaves.
    HalfClose,
    Close,
    /// Closes with the client's next words unread, which the kernel reports to it by a reset.
    Reset,
    /// Alone in a script: resets a client that says nothing, by never accepting it.
    Abandon,
}

/// Makes an answer of what the client has said.
#[derive(Clone)]
#[allow(clippy::type_complexity, reason = "it is the type of a closure, and stands here alone")]
pub struct Computed(Arc<dyn Fn(&Said) -> Vec<u8> + Send + Sync>);

/// What a server knows of its client.
#[derive(Default)]
pub struct Said {
    /// The lines that were read, without their ends.
    pub lines: Vec<String>,
    /// The value of the TLS connection that both ends know (RFC 9266, RFC 5929). Empty without TLS.
    pub binding: Vec<u8>,
}

impl Computed {
    pub fn step(make: impl Fn(&Said) -> Vec<u8> + Send + Sync + 'static) -> Step {
        Step::Computed(Self(Arc::new(make)))
    }

    pub fn make(&self, said: &Said) -> Vec<u8> {
        (self.0)(said)
    }
}

impl fmt::Debug for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Computed")
    }
}

/// Answers by the command that each belongs to; the first one that fits counts.
#[derive(Debug, Clone)]
pub struct Answers(Arc<Vec<(String, Vec<Step>)>>);

impl Answers {
    pub fn new(answers: impl IntoIterator<Item = (String, Vec<Step>)>) -> Self {
        Self(Arc::new(answers.into_iter().collect()))
    }

    /// The good answers of a plan, and that to a client whose login was refused.
    pub fn of(plan: &Plan) -> Self {
        let phases = plan.phases_of_server().into_iter();
        let capability = ("CAPABILITY".to_owned(), vec![tagged("OK done")]);
        Self::new(phases.filter_map(|phase| Some((phase.command?, phase.answer))).chain([capability]))
    }

    /// With another answer in this phase.
    pub fn with(&self, phase: &Phase, answer: Vec<Step>) -> Self {
        let command = phase.command.clone().expect("a command");
        Self::new([(command, answer)].into_iter().chain(self.0.iter().cloned()))
    }

    /// The answer to the command in this line; otherwise the commands that there are.
    pub fn to(&self, line: &str) -> Result<&[Step], String> {
        let found = self.0.iter().find(|(command, _)| line.contains(command));
        let commands = || self.0.iter().map(|(command, _)| command.as_str()).collect::<Vec<_>>().join(", ");
        found.map(|(_, answer)| answer.as_slice()).ok_or_else(commands)
    }
}

pub fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// `TAG text`, with the tag of the last command.
pub fn tagged(text: &str) -> Step {
    Step::SendTagged(text.as_bytes().to_vec())
}

pub fn expect(text: &str) -> Step {
    Step::Expect(text.to_owned())
}

pub fn drip(text: &str, milliseconds: u64) -> Step {
    Step::Drip { bytes: text.as_bytes().to_vec(), interval: Duration::from_millis(milliseconds) }
}

/// A well-behaved end, for a client that says LOGOUT and for one that just leaves.
pub fn leave() -> Vec<Step> {
    vec![expect("LOGOUT"), send("* BYE bye\r\n"), tagged("OK done"), Step::Close]
}
