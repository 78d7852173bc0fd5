//! STATUS (RFC 9051 section 6.3.11): counts the messages of a mailbox without opening it.

use imap_proto::{MailboxDatum, Response, StatusAttribute};

use super::select::{MESSAGES, hint_at_list};
use super::{Figure, Metric, Operation, Part, States, Summary, Takes, Task, Unit, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;
use crate::imap::mailbox_name;

/// STATUS.
pub static STATUS: Operation = Operation {
    name: "status",
    help: "STATUS: counts the messages and the unseen messages, without opening the mailbox",
    takes: Takes::Mailbox,
    part: Part::Task { needs: None, opens: None, perform: query_status },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[&MESSAGES, &UNSEEN],
};

/// UNSEEN.
pub static UNSEEN: Figure = Figure {
    name: "unseen",
    help: "unseen messages in the mailbox",
    unit: Unit::Count,
    metric: Metric { name: "mailbox_unseen_messages", help: "Messages in the mailbox that are not seen.", labels: &[] },
    absent: "count of unseen messages",
    describe: |value| format!("{value} unseen"),
};

fn query_status(dialogue: &mut Dialogue, task: &Task<'_>) -> Result<Yield, Failure> {
    let (mut messages, mut unseen) = (None, None);
    let mailbox = mailbox_name::encode(task.target);
    let words = [Word::Atom("STATUS"), Word::Text(mailbox.as_bytes()), Word::Atom("(MESSAGES UNSEEN)")];
    dialogue
        .command(&words, |untagged| {
            untagged.parse(|response| {
                let Response::MailboxData(MailboxDatum::Status { mailbox: name, status }) = response else {
                    return None;
                };
                // INBOX is the one name without regard to case (RFC 9051 section 5.1).
                let is_inbox = mailbox.eq_ignore_ascii_case("INBOX") && name.eq_ignore_ascii_case("INBOX");
                if !is_inbox && *name != mailbox && name != task.target {
                    return None;
                }
                for attribute in status {
                    match attribute {
                        StatusAttribute::Messages(count) => messages = Some(f64::from(*count)),
                        StatusAttribute::Unseen(count) => unseen = Some(f64::from(*count)),
                        _ => {}
                    }
                }
                Some(())
            });
        })
        .map_err(|failure| hint_at_list(failure, task))?;
    Ok(Yield::default().with(&MESSAGES, messages).with(&UNSEEN, unseen))
}
