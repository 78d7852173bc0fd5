//! NOOP (RFC 9051 section 6.1.2): whether the server answers at all.

use super::{Operation, Part, States, Summary, Takes, Task, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;

/// NOOP.
pub static NOOP: Operation = Operation {
    name: "noop",
    help: "NOOP: waits for the answer of the server",
    takes: Takes::Nothing,
    part: Part::Task { needs: None, opens: None, perform: send_noop },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[],
};

fn send_noop(dialogue: &mut Dialogue, _: &Task<'_>) -> Result<Yield, Failure> {
    dialogue.command(&[Word::Atom("NOOP")], |_| {})?;
    Ok(Yield::default())
}
