//! ID (RFC 2971): our name and version, for the server's log, and the server's for the report.

use std::collections::HashMap;

use imap_proto::Response;

use super::{Operation, Part, States, Summary, Takes, Task, Yield};
use crate::failure::Failure;
use crate::imap::command::Word;
use crate::imap::dialogue::Dialogue;

/// ID.
pub static ID: Operation = Operation {
    name: "id",
    help: "ID: sends the name and version of the program, and shows those of the server with `-v`",
    takes: Takes::Nothing,
    part: Part::Task { needs: None, opens: None, perform: exchange_ids },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::TASK,
    figures: &[],
};

/// The fields that are shown, in this order (RFC 2971 section 3.3).
const SHOWN: [&str; 3] = ["vendor", "name", "version"];

fn exchange_ids(dialogue: &mut Dialogue, _: &Task<'_>) -> Result<Yield, Failure> {
    let parameters = concat!("(\"name\" \"check_imap_session\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
    let mut fields = HashMap::new();
    dialogue.command(&[Word::Atom("ID"), Word::Atom(parameters)], |untagged| {
        let sent = untagged.parse(|response| match response {
            Response::Id(Some(sent)) => {
                Some(sent.iter().map(|(name, value)| (name.to_lowercase(), value.to_string())).collect())
            }
            _ => None,
        });
        fields = sent.unwrap_or_else(|| std::mem::take(&mut fields));
    })?;
    let shown: Vec<&str> = SHOWN
        .iter()
        .filter_map(|name| fields.get(*name).map(String::as_str))
        .filter(|value| !value.is_empty())
        .collect();
    let mut yielded = Yield::default();
    if !shown.is_empty() {
        yielded.notes.push(format!("the server is {}", dialogue.clean(&shown.join(" "))));
    }
    Ok(yielded)
}
