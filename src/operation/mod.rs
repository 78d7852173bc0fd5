//! The kinds of phases: each is a row with all decisions about it, in a file of its own. Plan, supervisor, judge and
//! outputs ask the row and name no operation.
//!
//! A new IMAP operation is a file here with its row and its exchange, a line in [`OPERATIONS`], and one good exchange in
//! the tests' kit.

mod age;
mod append;
mod figure;
mod id;
mod idle;
mod list;
mod logout;
mod noop;
mod quota;
mod remove;
mod search;
mod select;
mod set_up;
mod states;
mod status;

use std::sync::Mutex;

use chrono::{DateTime, Utc};

use crate::facts::Facts;
use crate::failure::Failure;
use crate::imap::dialogue::Dialogue;

pub use figure::{Figure, Metric, Unit, Value, seconds_of};
pub use logout::LOGOUT;
pub use select::{EXAMINE, MESSAGES, SELECT};
pub use set_up::{
    CERT_DAYS, CONNECT, GREETING, LOGIN, RESOLVE, STARTTLS, TLS, TOKEN, advise_on_silence, describe_expiring_ca,
};
pub use states::States;

/// All operations that a user can ask for, in the order of the documents.
pub static OPERATIONS: &[&Operation] = &[
    &SELECT,
    &EXAMINE,
    &status::STATUS,
    &search::SEARCH,
    &age::AGE,
    &quota::QUOTA,
    &list::LIST,
    &append::APPEND,
    &remove::REMOVE,
    &idle::IDLE,
    &noop::NOOP,
    &id::ID,
];

/// The phases that every run can have, in the order of the documents.
pub static FRAME: &[&Operation] = &[&TOKEN, &RESOLVE, &CONNECT, &TLS, &GREETING, &STARTTLS, &LOGIN, &LOGOUT];

/// One kind of phase.
#[derive(Debug)]
pub struct Operation {
    /// In selectors, labels, JSON and Prometheus.
    pub name: &'static str,
    /// For the documents: what is done.
    pub help: &'static str,
    /// The kind of text that `--operation` accepts behind the name and a colon.
    pub takes: Takes,
    /// When and how it is performed.
    pub part: Part,
    /// Whether it has a label `NAME_ok` and is part of the metric `success`.
    pub counts: bool,
    /// The part of it that line 1 shows if it is ok.
    pub summary: Summary,
    /// The operation that has to follow it on the same mailbox, unless the user asks for that one, too.
    pub brings: Option<&'static Operation>,
    /// Whether it changes a mailbox, which `--examine` forbids.
    pub writes: bool,
    /// The states of a phase that is not ok, unless an option changes them.
    pub states: States,
    /// The figures that it yields beside its time.
    pub figures: &'static [&'static Figure],
}

/// The kinds of targets: a target is the text behind an operation's name and a colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A mailbox, which must be there.
    Mailbox,
    /// A mailbox, or nothing.
    MailboxOrNothing,
    /// A mailbox, and behind the first `?` keys of SEARCH.
    MailboxAndKeys,
    /// A pattern of LIST, or nothing.
    PatternOrNothing,
}

/// When and how a phase is performed.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// A step that all later phases need.
    SetUp {
        /// Which step.
        step: Step,
        /// Lists what `-v` adds to its line; clean text.
        describe: fn(&Facts, DateTime<Utc>) -> Vec<String>,
        /// One of its figures, in words.
        describe_figure: fn(&Facts, &Figure, f64) -> String,
    },
    /// One of the user's operations.
    Task {
        /// How its mailbox must be open; none if a login is enough.
        needs: Option<Access>,
        /// How it leaves its mailbox open, if it opens it.
        opens: Option<Access>,
        /// The exchange.
        perform: Perform,
    },
    /// The end of the session. It changes neither state nor total unless an option names it.
    End,
}

/// How a mailbox is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Access {
    /// By EXAMINE, or by SELECT.
    Reading,
    /// By SELECT.
    Writing,
}

/// The steps to a session that is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An access token, from a token endpoint or a cache.
    Token,
    /// Name to addresses.
    Resolve,
    /// TCP, to the first address that answers.
    Connect,
    /// TLS handshake with verification.
    Tls,
    /// The server's first line (RFC 9051 section 7.1).
    Greeting,
    /// STARTTLS (RFC 9051 section 6.2.1).
    StartTls,
    /// LOGIN (RFC 9051 section 6.2.3).
    Login,
}

/// Performs a task by one exchange, without limits: those are the supervisor's.
pub type Perform = fn(&mut Dialogue, &Task<'_>) -> Result<Yield, Failure>;

/// The target of a task, and how mailboxes are opened.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The text that the user wrote behind the operation's name; empty if there is none.
    pub target: &'a str,
    /// Mailboxes are opened by EXAMINE, never by SELECT (`--examine`).
    pub read_only: bool,
    /// The monitored host, as the user wrote it.
    pub host: &'a str,
    /// Messages that the run has put into mailboxes.
    pub appended: &'a Mutex<Vec<Appended>>,
}

/// A message that the run has put into a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The mailbox, as the user wrote it.
    pub mailbox: String,
    /// The mailbox's UIDVALIDITY: with another one the UID may be another message's.
    pub uid_validity: u32,
    /// Its UID (RFC 9051 section 2.3.1.1).
    pub uid: u32,
}

/// The part of a phase that line 1 shows if the phase is ok.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summary {
    /// Nothing.
    Hidden,
    /// `INBOX 0.003 s`
    Target,
    /// `login 0.042 s`, `status Archive 0.001 s, 231 messages, 3 unseen`
    Full,
}

/// The results of a phase beside its time.
#[derive(Clone, Debug, Default)]
pub struct Yield {
    /// Figures of the operation's row. A figure that is not in the list was not sent.
    pub values: Vec<(&'static Figure, Value)>,
    /// Further remarks, clean for output, such as the server's name and version.
    pub notes: Vec<String>,
}

impl Operation {
    /// The operation of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().copied().find(|operation| operation.name == name)
    }

    /// Whether it is one of the user's operations.
    #[must_use]
    pub fn is_task(&self) -> bool {
        matches!(self.part, Part::Task { .. })
    }

    /// How its mailbox must be open, if it must.
    #[must_use]
    pub fn needs(&self) -> Option<Access> {
        if let Part::Task { needs, .. } = self.part { needs } else { None }
    }

    /// How it leaves its mailbox open, if it opens it.
    #[must_use]
    pub fn opens(&self) -> Option<Access> {
        if let Part::Task { opens, .. } = self.part { opens } else { None }
    }

    /// Whether it ends the session.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self.part, Part::End)
    }

    /// Whether it is this step of the set-up.
    #[must_use]
    pub fn is_step(&self, step: Step) -> bool {
        matches!(self.part, Part::SetUp { step: own, .. } if own == step)
    }
}

impl Takes {
    /// The mailbox in a target, if there is one.
    #[must_use]
    pub fn find_mailbox(self, target: &str) -> Option<&str> {
        match self {
            Self::Nothing | Self::PatternOrNothing => None,
            Self::Mailbox | Self::MailboxOrNothing => Some(target),
            Self::MailboxAndKeys => Some(target.split_once('?').map_or(target, |(mailbox, _)| mailbox)),
        }
    }

    /// Something that it can be, in messages.
    #[must_use]
    pub fn show_example(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Mailbox | Self::MailboxOrNothing => ":INBOX",
            Self::MailboxAndKeys => ":INBOX?UNSEEN",
            Self::PatternOrNothing => ":Archive*",
        }
    }

    /// The placeholder for the target in the documents, such as `:MAILBOX`.
    #[must_use]
    pub fn show_placeholder(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Mailbox => ":MAILBOX",
            Self::MailboxOrNothing => "[:MAILBOX]",
            Self::MailboxAndKeys => ":MAILBOX?KEYS",
            Self::PatternOrNothing => "[:PATTERN]",
        }
    }
}

impl Yield {
    /// With this figure, if it is known.
    #[must_use]
    pub fn with(mut self, figure: &'static Figure, value: Option<f64>) -> Self {
        self.values.extend(value.map(|value| (figure, Value::Known(value))));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn names_tell_all_operations_and_figures_apart() {
        let all = || FRAME.iter().chain(OPERATIONS);
        let mut names: Vec<&str> = all().map(|operation| operation.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        // One family of Prometheus has one HELP text.
        let mut helps = HashMap::new();
        for figure in all().flat_map(|operation| operation.figures) {
            assert_ne!(figure.name, "time", "every phase has that one");
            let help = helps.entry(figure.metric.name).or_insert(figure.metric.help);
            assert_eq!(*help, figure.metric.help);
        }
    }

    #[test]
    fn each_row_is_in_the_list_of_its_part() {
        assert!(OPERATIONS.iter().all(|operation| operation.is_task() && operation.counts));
        assert!(FRAME.iter().all(|operation| !operation.is_task() && operation.takes == Takes::Nothing));
    }
}
