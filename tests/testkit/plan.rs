//! What a run is to do: a TLS mode and a list of operations with their targets. Phases, the server's part in them and the
//! options of the plugin follow from it.
use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use super::exchange::{EXCHANGES, Exchange, Reply, exchange};
use super::labels::label;
use super::step::{Step, expect, send, tagged};

pub const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n";
pub const MODES: [Mode; 3] = [Mode::Implicit, Mode::Starttls, Mode::Clear];

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    Implicit,
    Starttls,
    Clear,
}

impl Mode {
    pub fn option(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Starttls => "starttls",
            Self::Clear => "none",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Plan {
    pub mode: Mode,
    pub tasks: Vec<Task>,
    /// Each `select` is an EXAMINE (`--examine`).
    pub examine: bool,
}

/// The usual plan: two mailboxes, which differ in the number of their messages.
impl From<Mode> for Plan {
    fn from(mode: Mode) -> Self {
        Self::new(mode, vec![first_task(), Task::new("select", "Archive")])
    }
}

impl From<&Self> for Plan {
    fn from(plan: &Self) -> Self {
        plan.clone()
    }
}

impl Plan {
    pub fn new(mode: Mode, tasks: Vec<Task>) -> Self {
        Self { mode, tasks, examine: false }
    }

    /// Every operation that has an exchange, behind the `select` of another mailbox.
    pub fn of_every_operation(mode: Mode) -> Self {
        let every = EXCHANGES.iter().map(|row| Task::new(row.operation, row.target));
        Self::new(mode, [first_task()].into_iter().chain(every).collect())
    }

    pub fn of_mailboxes(mode: Mode, names: &[&str]) -> Self {
        Self::new(mode, names.iter().map(|name| Task::new("select", name)).collect())
    }

    pub fn examined(self) -> Self {
        Self { examine: true, ..self }
    }

    /// What is left to do once this phase is over.
    pub fn behind(&self, phase: &str) -> Self {
        let done = self.tasks.iter().position(|task| task.name() == phase).map_or(0, |place| place + 1);
        Self { tasks: self.tasks[done..].to_vec(), ..self.clone() }
    }

    /// The options that ask for this plan.
    pub fn options(&self) -> Vec<String> {
        let mut options = vec!["--tls".to_owned(), self.mode.option().to_owned()];
        options.extend(self.tasks.iter().flat_map(Task::options));
        options.extend(self.examine.then(|| "--examine".to_owned()));
        options
    }

    /// All phases in their order.
    pub fn phases(&self) -> Vec<Phase> {
        let own = |operation, command: Option<&str>, answer| Phase {
            operation,
            command: command.map(str::to_owned),
            answer,
            target: String::new(),
            figures: Vec::new(),
            is_task: false,
        };
        let of_server = |operation| {
            let (command, answer) = set_up(operation);
            own(operation, command, answer)
        };
        let mut phases = vec![own("resolve", None, Vec::new()), own("connect", None, Vec::new())];
        let in_order: &[&str] = match self.mode {
            Mode::Implicit => &["tls", "greeting", "login"],
            Mode::Starttls => &["greeting", "starttls", "tls", "login"],
            Mode::Clear => &["greeting", "login"],
        };
        phases.extend(in_order.iter().map(|operation| of_server(*operation)));
        phases.extend(self.tasks.iter().map(|task| task.phase(self.examine)));
        phases.push(of_server("logout"));
        phases
    }

    /// The phases in which the server has something to do.
    pub fn phases_of_server(&self) -> Vec<Phase> {
        self.phases().split_off(2)
    }
}

/// What the server reads and answers in a phase that is no operation of the user's.
fn set_up(operation: &str) -> (Option<&'static str>, Vec<Step>) {
    match operation {
        "greeting" => (None, vec![send(GREETING)]),
        "tls" => (None, vec![Step::StartTls]),
        "starttls" => (Some("STARTTLS"), vec![tagged("OK go ahead")]),
        "login" => (Some("LOGIN"), vec![tagged("OK Logged in")]),
        "logout" => (Some("LOGOUT"), vec![send("* BYE bye\r\n"), tagged("OK done"), Step::Close]),
        _ => panic!("{operation} is no phase of the set-up"),
    }
}

/// The `select` that stands first, so that its figures are not those of the `select` behind it.
fn first_task() -> Task {
    Task::new("select", "INBOX").yielding("messages", 3.0)
}

/// One operation and what it is used with.
#[derive(Debug, Clone)]
pub struct Task {
    exchange: &'static Exchange,
    pub target: String,
    figures: Vec<(&'static str, f64)>,
}

impl Task {
    pub fn new(operation: &str, target: &str) -> Self {
        let exchange = exchange(operation);
        Self { exchange, target: target.to_owned(), figures: exchange.figures.to_vec() }
    }

    /// With another value of a figure than that of the row.
    pub fn yielding(mut self, figure: &str, value: f64) -> Self {
        let place = self.figures.iter().position(|(name, _)| *name == figure).expect("a figure of the row");
        self.figures[place].1 = value;
        self
    }

    /// `select Archive`, `noop`.
    pub fn name(&self) -> String {
        joined(self.exchange.operation, ' ', &self.target)
    }

    pub fn answer(&self) -> Vec<Step> {
        let reply = |reply: &Reply| match reply {
            Reply::Sent(text) => send(&self.filled(text)),
            Reply::Tagged(text) => tagged(&self.filled(text)),
            Reply::Read(text) => expect(&self.filled(text)),
        };
        self.exchange.answer.iter().map(reply).collect()
    }

    fn command(&self) -> String {
        self.filled(self.exchange.command)
    }

    fn options(&self) -> [String; 2] {
        match self.exchange.operation {
            "select" => ["-m".to_owned(), self.target.clone()],
            operation => ["-O".to_owned(), joined(operation, ':', &self.target)],
        }
    }

    fn phase(&self, examine: bool) -> Phase {
        let operation = self.exchange.operation;
        let command = self.command();
        Phase {
            operation,
            target: self.target.clone(),
            command: Some(if examine && operation == "select" {
                command.replace("SELECT", "EXAMINE")
            } else {
                command
            }),
            answer: self.answer(),
            figures: self.figures.clone(),
            is_task: true,
        }
    }

    fn filled(&self, text: &str) -> String {
        let text = text.replace("{target}", &on_the_wire(&self.target));
        let fill =
            |text: String, (figure, value): &(&str, f64)| text.replace(&format!("{{{figure}}}"), &value.to_string());
        self.figures.iter().fold(text, fill)
    }
}

/// One phase, and the server's part in it.
#[derive(Debug, Clone)]
pub struct Phase {
    pub operation: &'static str,
    /// Empty if it has none.
    pub target: String,
    /// What the server reads first.
    pub command: Option<String>,
    pub answer: Vec<Step>,
    pub figures: Vec<(&'static str, f64)>,
    /// Whether it is an operation of the user's.
    pub is_task: bool,
}

impl Phase {
    /// As its line in the output has it: `select Archive`.
    pub fn name(&self) -> String {
        joined(self.operation, ' ', &self.target)
    }

    /// As options name it: `select:Archive`.
    pub fn selector(&self) -> String {
        joined(self.operation, ':', &self.target)
    }

    pub fn label(&self, figure: &str) -> String {
        label(self.operation, &self.target, figure)
    }
}

/// What the server reads first in the phase of this name.
pub fn command_of(phase: &str) -> Option<String> {
    let (operation, target) = phase.split_once(' ').unwrap_or((phase, ""));
    match operation {
        "greeting" | "tls" | "starttls" | "login" | "logout" => set_up(operation).0.map(str::to_owned),
        _ => Some(Task::new(operation, target).command()),
    }
}

fn joined(operation: &str, sign: char, target: &str) -> String {
    if target.is_empty() { operation.to_owned() } else { format!("{operation}{sign}{target}") }
}

/// Modified UTF-7 (RFC 3501 section 5.1.3).
fn on_the_wire(name: &str) -> String {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);
    let is_ascii = |c: &char| matches!(c, ' '..='~');
    let encode = |part: &[char]| {
        let text: String = part.iter().collect();
        if part.iter().all(is_ascii) {
            return text.replace('&', "&-");
        }
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        format!("&{}-", ENGINE.encode(units))
    };
    let characters: Vec<char> = name.chars().collect();
    characters.chunk_by(|a, b| is_ascii(a) == is_ascii(b)).map(encode).collect()
}
