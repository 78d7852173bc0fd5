//! LIST (RFC 9051 section 6.3.9): counts the mailboxes whose names match a pattern.

use super::figure::count;
use super::{Figure, Metric, Operation, Part, States, Summary, Takes, Task, Unit, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;
use crate::imap::mailbox_name;

/// LIST.
pub static LIST: Operation = Operation {
    name: "list",
    help: "LIST: counts the mailboxes that match the pattern, default `*`, including those that cannot be opened",
    takes: Takes::PatternOrNothing,
    part: Part::Task { needs: None, opens: None, perform: list },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[&MAILBOXES],
};

/// Replies to LIST.
pub static MAILBOXES: Figure = Figure {
    name: "mailboxes",
    help: "mailboxes that match the pattern",
    unit: Unit::Count,
    metric: Metric { name: "mailboxes", help: "Mailboxes that match the pattern.", labels: &[] },
    absent: "list of mailboxes",
    describe: |value| count(value, "mailbox", "mailboxes"),
};

fn list(dialogue: &mut Dialogue, task: &Task<'_>) -> Result<Yield, Failure> {
    let pattern = mailbox_name::encode(if task.target.is_empty() { "*" } else { task.target });
    let mut mailboxes: u32 = 0;
    dialogue.command(&[Word::Atom("LIST"), Word::Text(b""), Word::Text(pattern.as_bytes())], |untagged| {
        mailboxes += u32::from(untagged.begins_with("LIST"));
    })?;
    Ok(Yield::default().with(&MAILBOXES, Some(f64::from(mailboxes))))
}
