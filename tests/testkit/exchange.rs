//! One good exchange per operation. An operation of the program without a row here fails a test; with its row it is in the
//! fault matrix, in the well-behaved server, in the soak and in the expected labels.

/// What a server that behaves well reads and answers. In `command` and `answer`, `{target}` stands for the target as it is
/// sent, and the name of a figure in braces for its value.
#[derive(Debug)]
pub struct Exchange {
    /// The name of PRODUCT section 2.
    pub operation: &'static str,
    /// What the fault matrix uses it with; empty if the operation takes nothing.
    pub target: &'static str,
    /// What the line of the command has in it, the verb first.
    pub command: &'static str,
    pub answer: &'static [Reply],
    /// What the plugin makes of the answer.
    pub figures: &'static [(&'static str, f64)],
}

/// A step of an answer.
#[derive(Debug)]
pub enum Reply {
    /// Sent as it stands, line ends included.
    Sent(&'static str),
    /// Sent with the command's tag before it and a line end behind it.
    Tagged(&'static str),
    /// Read before the next step: a line that has this text, in answer to a `+`.
    Read(&'static str),
}

use Reply::{Sent, Tagged};

pub static EXCHANGES: &[Exchange] = &[
    Exchange {
        operation: "select",
        target: "Archive",
        command: "SELECT \"{target}\"",
        answer: &[
            Sent("* FLAGS (\\Seen \\Deleted)\r\n* 0 RECENT\r\n* OK [UIDNEXT 4] next\r\n"),
            Sent("* {messages} EXISTS\r\n"),
            Tagged("OK [READ-WRITE] done"),
        ],
        figures: &[("messages", 172.0)],
    },
    Exchange {
        operation: "examine",
        target: "Drafts",
        command: "EXAMINE \"{target}\"",
        answer: &[Sent("* {messages} EXISTS\r\n* 0 RECENT\r\n"), Tagged("OK [READ-ONLY] done")],
        figures: &[("messages", 7.0)],
    },
    Exchange { operation: "noop", target: "", command: "NOOP", answer: &[Tagged("OK done")], figures: &[] },
    Exchange {
        operation: "id",
        target: "",
        command: "ID (\"name\" \"check_imap_session\"",
        answer: &[Sent("* ID (\"name\" \"Scripted\" \"version\" {3}\r\n1.0)\r\n"), Tagged("OK done")],
        figures: &[],
    },
    Exchange {
        operation: "status",
        target: "Spam",
        command: "STATUS \"{target}\" (MESSAGES UNSEEN)",
        answer: &[Sent("* STATUS {4}\r\n{target} (MESSAGES {messages} UNSEEN {unseen})\r\n"), Tagged("OK done")],
        figures: &[("messages", 231.0), ("unseen", 3.0)],
    },
];

pub fn exchange(operation: &str) -> &'static Exchange {
    let row = EXCHANGES.iter().find(|row| row.operation == operation);
    row.unwrap_or_else(|| panic!("{operation} has no row in EXCHANGES ({})", file!()))
}
