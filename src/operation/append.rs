//! APPEND (RFC 9051 section 6.3.12): puts one small message into a mailbox, which `remove` takes out again.

use std::sync::PoisonError;

use chrono::Utc;

use super::remove::{MARK_HEADER, REMOVE, make_mark};
use super::{Appended, Operation, Part, States, Summary, Takes, Task, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;
use crate::imap::mailbox_name;

/// APPEND.
pub static APPEND: Operation = Operation {
    name: "append",
    help: "APPEND: writes one small marked message, already seen; `remove` follows directly, unless you ask for it later",
    takes: Takes::Mailbox,
    part: Part::Task { needs: None, opens: None, perform: append },
    counts: true,
    summary: Summary::Full,
    brings: Some(&REMOVE),
    writes: true,
    states: States::TASK,
    figures: &[],
};

fn append(dialogue: &mut Dialogue, task: &Task<'_>) -> Result<Yield, Failure> {
    // Without it the message could not be removed without touching those of others.
    dialogue.require("UIDPLUS")?;
    let mailbox = mailbox_name::encode(task.target);
    let message = make_message(task.host);
    let words =
        [Word::Atom("APPEND"), Word::Text(mailbox.as_bytes()), Word::Atom(r"(\Seen)"), Word::Text(message.as_bytes())];
    dialogue.command(&words, |_| {})?;
    // UIDVALIDITY and UID (RFC 9051 section 7.1).
    let appended = dialogue.find_code("APPENDUID").and_then(|code| {
        let (uid_validity, uid) = code.split_once(' ')?;
        let (uid_validity, uid) = (uid_validity.parse().ok()?, uid.parse().ok()?);
        Some(Appended { mailbox: task.target.to_owned(), uid_validity, uid })
    });
    task.appended.lock().unwrap_or_else(PoisonError::into_inner).extend(appended);
    Ok(Yield::default())
}

/// Under 1 KB, as RFC 5322 has it.
fn make_message(host: &str) -> String {
    let now = Utc::now();
    let name = "check_imap_session";
    let identifier = format!("{}.{}", now.timestamp_micros(), std::process::id());
    format!(
        "From: {name} <{name}@localhost>\r\n\
         Subject: {name}: write test\r\n\
         Date: {}\r\n\
         Message-ID: <{identifier}@{name}>\r\n\
         {MARK_HEADER}: {}\r\n\
         \r\n\
         This message was written by a monitoring check, which removes it again.\r\n",
        now.to_rfc2822(),
        make_mark(host)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_small_and_has_its_mark_on_a_line_of_its_own() {
        let message = make_message(&"h".repeat(255));
        assert!(message.len() < 1024 && message.is_ascii(), "{message}");
        let mark = format!("\r\n{MARK_HEADER}: <check_imap_session {}>\r\n", "h".repeat(255));
        assert!(message.contains(&mark), "{message}");
        assert!(message.split("\r\n").all(|line| !line.contains(['\r', '\n']) && line.len() < 998));
    }
}
