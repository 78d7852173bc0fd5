//! What a run is to do: a TLS mode and a list of operations with their targets. Phases, the server's part in them and the
//! options of the plugin follow from it.
use super::exchange::EXCHANGES;
use super::labels::{extend, number};
use super::step::{Step, send, tagged};
use super::task::{complete, joined};

pub use super::task::Task;

pub const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n";
/// What a server that behaves well lists once the user is logged in.
pub const CAPABILITIES: &str = "IMAP4rev1 QUOTA IDLE UIDPLUS ESEARCH LITERAL+";
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
    /// The login, if it is not by LOGIN.
    pub login: Option<Login>,
}

/// A login by AUTHENTICATE, and the server's part in it.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name in `--auth`.
    pub mechanism: &'static str,
    /// What the server does behind the command, up to its tagged reply.
    pub exchange: Vec<Step>,
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
        Self { mode, tasks, examine: false, login: None }
    }

    /// Every operation that has an exchange, between the `select` of another mailbox and a last operation, so that each has
    /// one before and one behind it. What another one brings is not asked for.
    pub fn of_every_operation(mode: Mode) -> Self {
        let is_brought = |name| EXCHANGES.iter().any(|row| row.brings == Some(name));
        let asked = EXCHANGES.iter().filter(|row| !is_brought(row.operation));
        let every = asked.map(|row| Task::new(row.operation, row.target));
        Self::new(mode, [first_task()].into_iter().chain(every).chain([Task::new("status", LAST_MAILBOX)]).collect())
    }

    pub fn of_mailboxes(mode: Mode, names: &[&str]) -> Self {
        Self::new(mode, names.iter().map(|name| Task::new("select", name)).collect())
    }

    /// With another login, to a server that lists its mechanism in the greeting.
    pub fn logging_in(self, mechanism: &'static str, exchange: Vec<Step>) -> Self {
        Self { login: Some(Login { mechanism, exchange }), ..self }
    }

    pub fn examined(self) -> Self {
        Self { examine: true, ..self }
    }

    /// The options that ask for this plan.
    pub fn options(&self) -> Vec<String> {
        let mut options = vec!["--tls".to_owned(), self.mode.option().to_owned()];
        options.extend(self.tasks.iter().flat_map(Task::options));
        options.extend(self.login.iter().flat_map(|login| ["--auth".to_owned(), login.mechanism.to_owned()]));
        options.extend(self.examine.then(|| "--examine".to_owned()));
        options
    }

    /// All phases in their order.
    pub fn phases(&self) -> Vec<Phase> {
        let set_up: &[&str] = match self.mode {
            Mode::Implicit => &["resolve", "connect", "tls", "greeting", "login"],
            Mode::Starttls => &["resolve", "connect", "greeting", "starttls", "tls", "login"],
            Mode::Clear => &["resolve", "connect", "greeting", "login"],
        };
        let mut phases: Vec<Phase> = set_up.iter().map(|operation| Phase::of_session(operation)).collect();
        phases.extend(complete(&self.tasks, self.examine).into_iter().map(|(task, opener)| Phase {
            operation: task.exchange.operation,
            command: Some(task.command(self.examine)),
            answer: task.answer(),
            opener: opener.map(|place| set_up.len() + place),
            label: String::new(),
            target: task.target,
            figures: task.figures,
            is_task: true,
        }));
        phases.push(Phase::of_session("logout"));
        if let Some(login) = &self.login {
            for phase in &mut phases {
                login.replace(phase);
            }
        }
        number(&mut phases);
        phases
    }

    /// The phases in which the server has something to do.
    pub fn phases_of_server(&self) -> Vec<Phase> {
        self.phases().into_iter().filter(Phase::is_of_server).collect()
    }

    /// What the server has to do over a fresh connection once this phase has lost the first one, or `is_ok` and the
    /// connection was lost behind it: the set-up, the mailbox that is needed again, and the operations that are left.
    pub fn phases_of_fresh_connection(&self, lost: usize, is_ok: bool) -> Vec<Phase> {
        let phases = self.phases();
        let is_left = |place: usize| place > lost && (is_ok || phases[place].opener != Some(lost));
        let left: Vec<usize> = (0..phases.len()).filter(|place| is_left(*place)).collect();
        let needed = left.iter().filter_map(|place| phases[*place].opener);
        let reopened = needed.into_iter().find(|opener| *opener < lost + usize::from(is_ok));
        let set_up = (0..phases.len()).take_while(|place| !phases[*place].is_task);
        let places = set_up.chain(reopened).chain(left);
        places.map(|place| phases[place].clone()).filter(Phase::is_of_server).collect()
    }
}

impl Login {
    fn replace(&self, phase: &mut Phase) {
        let name = self.mechanism.to_uppercase();
        match phase.operation {
            "greeting" => {
                phase.answer = vec![send(&format!("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH={name}] ready\r\n"))];
            }
            "login" => {
                phase.command = Some(format!("AUTHENTICATE {name} "));
                phase.answer = [self.exchange.clone(), std::mem::take(&mut phase.answer)].concat();
            }
            _ => {}
        }
    }
}

/// What the server reads and answers in a phase that is no operation of the user's.
fn set_up(operation: &str) -> (Option<&'static str>, Vec<Step>) {
    match operation {
        "greeting" => (None, vec![send(GREETING)]),
        "tls" => (None, vec![Step::StartTls]),
        "starttls" => (Some("STARTTLS"), vec![tagged("OK go ahead")]),
        "resolve" | "connect" => (None, Vec::new()),
        "login" => (Some("LOGIN"), vec![tagged(&format!("OK [CAPABILITY {CAPABILITIES}] Logged in"))]),
        "logout" => (Some("LOGOUT"), vec![send("* BYE bye\r\n"), tagged("OK done"), Step::Close]),
        _ => panic!("{operation} is no phase of the set-up"),
    }
}

/// The mailbox of the last operation of a plan of all.
pub const LAST_MAILBOX: &str = "Outbox";

/// The `select` that stands first, so that its figures are not those of the `select` behind it.
fn first_task() -> Task {
    Task::new("select", "INBOX").yielding("messages", 3.0)
}

/// One phase, and the server's part in it.
#[derive(Debug, Clone)]
pub struct Phase {
    pub operation: &'static str,
    /// Empty if it has none.
    pub target: String,
    /// If its mailbox must be open: the place of the phase that opens it.
    pub opener: Option<usize>,
    /// How its labels begin.
    pub label: String,
    /// What the server reads first.
    pub command: Option<String>,
    pub answer: Vec<Step>,
    pub figures: Vec<(&'static str, f64)>,
    /// Whether it is an operation of the user's.
    pub is_task: bool,
}

impl Phase {
    /// A phase that is no operation.
    fn of_session(operation: &'static str) -> Self {
        let (command, answer) = set_up(operation);
        Self {
            operation,
            target: String::new(),
            opener: None,
            label: String::new(),
            command: command.map(str::to_owned),
            answer,
            figures: Vec::new(),
            is_task: false,
        }
    }

    fn is_of_server(&self) -> bool {
        !self.answer.is_empty()
    }

    /// How often the server reads something from the client.
    pub fn turns(&self) -> usize {
        usize::from(self.command.is_some()) + self.answer.iter().filter(|step| matches!(step, Step::Expect(_))).count()
    }

    /// As its line in the output has it: `select Archive`.
    pub fn name(&self) -> String {
        joined(self.operation, ' ', &self.target)
    }

    /// As options name it: `select:Archive`.
    pub fn selector(&self) -> String {
        joined(self.operation, ':', &self.target)
    }

    pub fn label(&self, figure: &str) -> String {
        extend(&self.label, figure)
    }
}

/// What the server reads first in the phase of this name.
pub fn command_of(phase: &str) -> Option<String> {
    let (operation, target) = phase.split_once(' ').unwrap_or((phase, ""));
    match operation {
        "greeting" | "tls" | "starttls" | "login" | "logout" => set_up(operation).0.map(str::to_owned),
        _ => Some(Task::new(operation, target).command(false)),
    }
}
