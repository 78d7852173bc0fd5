//! One operation and what it is used with; and the operations of a plan, completed by those that they need and bring.
use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use super::exchange::{Exchange, Open, Reply, exchange};
use super::step::{Step, expect, send, tagged};

/// One operation and what it is used with.
#[derive(Debug, Clone)]
pub struct Task {
    pub exchange: &'static Exchange,
    pub target: String,
    pub figures: Vec<(&'static str, f64)>,
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

    pub fn answer(&self) -> Vec<Step> {
        let reply = |reply: &Reply| match reply {
            Reply::Sent(text) => send(&self.filled(text)),
            Reply::Dated(text) => Step::SendDated(self.filled(text)),
            Reply::Tagged(text) => tagged(&self.filled(text)),
            Reply::Read(text) => expect(&self.filled(text)),
        };
        self.exchange.answer.iter().map(reply).collect()
    }

    /// What the line of its command has in it, where each `select` is an EXAMINE or none is.
    pub fn command(&self, examine: bool) -> String {
        let command = self.filled(self.exchange.command);
        if examine && self.exchange.operation == "select" { command.replace("SELECT", "EXAMINE") } else { command }
    }

    /// The options that ask for it.
    pub fn options(&self) -> [String; 2] {
        match self.exchange.operation {
            "select" => ["-m".to_owned(), self.target.clone()],
            operation => ["-O".to_owned(), joined(operation, ':', &self.target)],
        }
    }

    fn mailbox(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    fn filled(&self, text: &str) -> String {
        let target = if self.target.is_empty() { self.exchange.default } else { self.mailbox() };
        let keys = self.target.split_once('?').map_or("", |(_, keys)| keys);
        let target = on_the_wire(target);
        let length = target.len().to_string();
        let text = text.replace("{target}", &target).replace("{length}", &length).replace("{keys}", keys);
        let fill =
            |text: String, (figure, value): &(&str, f64)| text.replace(&format!("{{{figure}}}"), &value.to_string());
        self.figures.iter().fold(text, fill)
    }
}

/// The operations that a plan has for those of the user, each with the place of the one that opens its mailbox, if it
/// must be open.
pub fn complete(asked: &[Task], examine: bool) -> Vec<(Task, Option<usize>)> {
    let mut tasks: Vec<(Task, Option<usize>)> = Vec::new();
    let mut open: Option<(String, Open, usize)> = None;
    let access_after = |opens| if examine { Open::ForReading } else { opens };
    for task in add_brought(asked) {
        let mailbox = task.mailbox().to_owned();
        if let Some(needed) = task.exchange.needs
            && open.as_ref().is_none_or(|(name, access, _)| *name != mailbox || *access < needed)
        {
            // The server says the same of the mailbox as the user's own `select` expects.
            let own = asked.iter().find(|task| task.exchange.operation == "select" && task.target == mailbox);
            open = Some((mailbox.clone(), access_after(Open::ForWriting), tasks.len()));
            tasks.push((own.cloned().unwrap_or_else(|| Task::new("select", &mailbox)), None));
        }
        let opener = task.exchange.needs.and(open.as_ref().map(|(_, _, place)| *place));
        if let Some(opens) = task.exchange.opens {
            open = Some((mailbox, access_after(opens), tasks.len()));
        }
        tasks.push((task, opener));
    }
    tasks
}

fn add_brought(asked: &[Task]) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (place, task) in asked.iter().enumerate() {
        tasks.push(task.clone());
        let Some(brought) = task.exchange.brings else { continue };
        let is_it = |later: &Task| later.exchange.operation == brought && later.target == task.target;
        if !asked[place..].iter().any(is_it) {
            tasks.push(Task::new(brought, &task.target));
        }
    }
    tasks
}

pub fn joined(operation: &str, sign: char, target: &str) -> String {
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
