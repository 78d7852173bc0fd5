//! IDLE (RFC 9051 section 6.3.13): whether the server agrees to report new mail at once.

use super::{Access, Operation, Part, States, Summary, Takes, Task, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;

/// IDLE.
pub static IDLE: Operation = Operation {
    name: "idle",
    help: "IDLE: waits until the server agrees to it, then sends DONE",
    takes: Takes::Mailbox,
    part: Part::Task { needs: Some(Access::Reading), opens: None, perform: idle },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[],
};

fn idle(dialogue: &mut Dialogue, _: &Task<'_>) -> Result<Yield, Failure> {
    dialogue.require("IDLE")?;
    dialogue.command(&[Word::Atom("IDLE"), Word::Continued("DONE")], |_| {})?;
    Ok(Yield::default())
}
