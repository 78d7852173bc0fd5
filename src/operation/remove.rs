//! Removes the messages that `append` has put into a mailbox, and no others: UID SEARCH for their mark, UID STORE, UID
//! EXPUNGE (RFC 9051 sections 6.4.4, 6.4.6 and 6.4.9).

use std::sync::PoisonError;

use super::figure::count;
use super::{Access, Appended, Figure, Metric, Operation, Part, States, Summary, Takes, Task, Unit, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;
use crate::imap::response::Untagged;

/// UID EXPUNGE of our messages.
pub static REMOVE: Operation = Operation {
    name: "remove",
    help: "UID EXPUNGE: removes the messages that `append` wrote, also in earlier runs, and no others",
    takes: Takes::Mailbox,
    part: Part::Task { needs: Some(Access::Writing), opens: None, perform: remove },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: true,
    states: States::TASK,
    figures: &[&REMOVED],
};

/// Messages of ours that were expunged.
pub static REMOVED: Figure = Figure {
    name: "removed",
    help: "messages of the write test that were removed",
    unit: Unit::Count,
    metric: Metric { name: "removed_messages", help: "Messages of the write test that were removed.", labels: &[] },
    absent: "result of the search",
    describe: |value| format!("{} removed", count(value, "message", "messages")),
};

/// The header with the mark.
pub(super) const MARK_HEADER: &str = "X-Check-Imap-Session";
/// Messages that are removed at once: so many fit into a command line that every server takes.
const MAX_REMOVED: usize = 500;

/// SEARCH finds a part of a header, so that the brackets make it the whole of it.
pub(super) fn make_mark(host: &str) -> String {
    format!("<check_imap_session {host}>")
}

fn remove(dialogue: &mut Dialogue, task: &Task<'_>) -> Result<Yield, Failure> {
    dialogue.require("UIDPLUS")?;
    let mark = make_mark(task.host);
    // The server reports each message that is gone, and may do so behind any of these commands.
    let mut expunged: usize = 0;
    let mut count_expunged =
        |untagged: &Untagged<'_>| expunged += usize::from(untagged.read_number_before("EXPUNGE").is_some());
    let mut results: Option<Vec<u32>> = None;
    let words = [Word::Atom("UID SEARCH HEADER"), Word::Atom(MARK_HEADER), Word::Text(mark.as_bytes())];
    dialogue.command(&words, |untagged| {
        if let Some(uids) = untagged.read_search_results() {
            results.get_or_insert_default().extend(uids);
        }
        count_expunged(untagged);
    })?;
    let is_known = results.is_some();
    let mut uids = results.unwrap_or_default();
    // A server may not find a message at once that it has just taken.
    let is_here = |mailbox: &str| mailbox == task.target;
    let mut appended = task.appended.lock().unwrap_or_else(PoisonError::into_inner);
    // A mailbox that was made anew meanwhile has given its UIDs to other messages.
    let validity = dialogue.mailbox.uid_validity;
    let is_same = |appended: &&Appended| {
        is_here(&appended.mailbox) && validity.is_none_or(|validity| validity == appended.uid_validity)
    };
    uids.extend(appended.iter().filter(is_same).map(|appended| appended.uid));
    uids.sort_unstable();
    uids.dedup();
    uids.truncate(MAX_REMOVED);
    if !uids.is_empty() {
        // Without that right a server may answer OK to all of it and do nothing (RFC 4314 section 4).
        if dialogue.mailbox.can_delete == Some(false) {
            return Err(Failure::refused("the server lets nobody flag messages as deleted in this mailbox")
                .with_hint("may the user delete messages there?"));
        }
        let set = make_sequence_set(&uids);
        let words = [Word::Atom("UID STORE"), Word::Atom(&set), Word::Atom(r"+FLAGS.SILENT (\Deleted)")];
        dialogue.command(&words, &mut count_expunged)?;
        dialogue.command(&[Word::Atom("UID EXPUNGE"), Word::Atom(&set)], &mut count_expunged)?;
    }
    appended.retain(|appended| !is_here(&appended.mailbox));
    // Messages of others may be among those that the server reports as gone, and it may report them later.
    let removed = if expunged > 0 { expunged.min(uids.len()) } else { uids.len() };
    let removed = u32::try_from(removed).unwrap_or(u32::MAX);
    // Without a result of the search there may be other messages of earlier runs, so their number is unknown.
    Ok(Yield::default().with(&REMOVED, is_known.then(|| f64::from(removed))))
}

/// Sorted numbers as IMAP has them: `3,5:7` (RFC 9051 section 9, sequence-set).
fn make_sequence_set(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(number) => *end = number,
            _ => ranges.push((number, number)),
        }
    }
    let format = |(start, end): &(u32, u32)| if start == end { start.to_string() } else { format!("{start}:{end}") };
    ranges.iter().map(format).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_sets_name_each_number_once_and_no_other() {
        for (numbers, set) in [(&[7][..], "7"), (&[1, 2, 3], "1:3"), (&[3, 5, 6, 7, u32::MAX], "3,5:7,4294967295")] {
            assert_eq!(make_sequence_set(numbers), set);
        }
    }
}
