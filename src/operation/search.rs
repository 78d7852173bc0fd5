//! UID SEARCH (RFC 9051 section 6.4.4): how many messages of a mailbox match. With ESEARCH (RFC 4731) the server sends the
//! number alone.

use super::figure::count;
use super::{Access, Figure, Metric, Operation, Part, States, Summary, Takes, Task, Unit, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;

/// UID SEARCH.
pub static SEARCH: Operation = Operation {
    name: "search",
    help: "UID SEARCH: counts the messages that match the keys (RFC 9051 section 6.4.4)",
    takes: Takes::MailboxAndKeys,
    part: Part::Task { needs: Some(Access::Reading), opens: None, perform: search },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[&MATCHES],
};

/// Messages that match.
pub static MATCHES: Figure = Figure {
    name: "matches",
    help: "messages that match the keys",
    unit: Unit::Count,
    metric: Metric { name: "search_matches", help: "Messages that match the keys of the search.", labels: &[] },
    absent: "result of the search",
    describe: |value| count(value, "match", "matches"),
};

fn search(dialogue: &mut Dialogue, task: &Task<'_>) -> Result<Yield, Failure> {
    let (_, keys) = task.target.split_once('?').unwrap_or_default();
    let counts_only = dialogue.ask_for("ESEARCH")?;
    let command = if counts_only { "UID SEARCH RETURN (COUNT)" } else { "UID SEARCH" };
    let mut matches: Option<u32> = None;
    dialogue.command(&[Word::Atom(command), Word::Atom(keys)], |untagged| {
        if untagged.begins_with("ESEARCH") {
            matches = untagged.read_number_behind("COUNT").or(matches);
        } else if let Some(uids) = untagged.read_search_results() {
            matches = Some(matches.unwrap_or_default().saturating_add(uids.count().try_into().unwrap_or(u32::MAX)));
        }
    })?;
    Ok(Yield::default().with(&MATCHES, matches.map(f64::from)))
}
