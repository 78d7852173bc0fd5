//! SELECT and EXAMINE (RFC 9051 sections 6.3.2 and 6.3.3): open a mailbox, for writing or read-only.

use super::figure::count;
use super::{Access, Figure, Metric, Operation, Part, States, Summary, Takes, Task, Unit, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;
use crate::imap::mailbox_name;
use crate::imap::open_mailbox::OpenMailbox;
use crate::remark::Remark;

/// SELECT; EXAMINE if the run is read-only.
pub static SELECT: Operation = Operation {
    name: "select",
    help: "SELECT: opens the mailbox (EXAMINE with `--examine`)",
    takes: Takes::Mailbox,
    part: Part::Task { needs: None, opens: Some(Access::Writing), perform: select },
    counts: true,
    summary: Summary::Target,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[&MESSAGES],
};

/// EXAMINE.
pub static EXAMINE: Operation = Operation {
    name: "examine",
    help: "EXAMINE: opens the mailbox read-only",
    takes: Takes::Mailbox,
    part: Part::Task { needs: None, opens: Some(Access::Reading), perform: examine },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[&MESSAGES],
};

/// EXISTS (RFC 9051 section 7.4.1), or MESSAGES of STATUS.
pub static MESSAGES: Figure = Figure {
    name: "messages",
    help: "messages in the mailbox",
    unit: Unit::Count,
    metric: Metric { name: "mailbox_messages", help: "Messages in the mailbox.", labels: &[] },
    absent: "count of messages",
    describe: |value| count(value, "message", "messages"),
};

fn select(dialogue: &mut Dialogue, task: &Task<'_>) -> Result<Yield, Failure> {
    open(dialogue, if task.read_only { "EXAMINE" } else { "SELECT" }, task)
        .map_err(|failure| hint_at_list(failure, task))
}

fn examine(dialogue: &mut Dialogue, task: &Task<'_>) -> Result<Yield, Failure> {
    open(dialogue, "EXAMINE", task).map_err(|failure| hint_at_list(failure, task))
}

fn open(dialogue: &mut Dialogue, command: &str, task: &Task<'_>) -> Result<Yield, Failure> {
    let mailbox = mailbox_name::encode(task.target);
    // Lines that have arrived already belong to the mailbox that was open before.
    dialogue.take_early_lines()?;
    dialogue.mailbox = OpenMailbox { is_for_writing: command == "SELECT", ..OpenMailbox::default() };
    dialogue.command(&[Word::Atom(command), Word::Text(mailbox.as_bytes())], |_| {})?;
    if command == "SELECT" && dialogue.has_code("READ-ONLY") {
        dialogue.report(Remark::ReadOnly);
    }
    Ok(Yield::default().with(&MESSAGES, dialogue.mailbox.exists.map(f64::from)))
}

/// With a hint, if the server refused a mailbox whose name looks like the names of several.
pub(super) fn hint_at_list(failure: Failure, task: &Task<'_>) -> Failure {
    match failure {
        Failure::Refused(_) if task.target.contains(',') => failure.with_hint("one -m or -O for each mailbox"),
        other => other,
    }
}
