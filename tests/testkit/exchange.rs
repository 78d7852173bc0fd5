//! One good exchange per operation. An operation of the program without a row here fails a test; with its row it is in the
//! fault matrix, in the well-behaved server, in the soak and in the expected labels.

/// What a server that behaves well reads and answers. In `command` and `answer`, `{target}` stands for the target as it is
/// sent (of a search for its mailbox), `{length}` for its length, `{keys}` for the keys of a search, and the name of a figure in braces for its value.
#[derive(Debug)]
pub struct Exchange {
    /// The name of PRODUCT section 2.
    pub operation: &'static str,
    /// What the fault matrix uses it with; empty if the operation takes nothing.
    pub target: &'static str,
    /// What is sent if the user writes no target.
    pub default: &'static str,
    /// How its mailbox must be open.
    pub needs: Option<Open>,
    /// How it leaves its mailbox open, if it opens it.
    pub opens: Option<Open>,
    /// The operation that the plan has directly behind it, unless the user asks for that one.
    pub brings: Option<&'static str>,
    /// What the line of the command has in it, the verb first.
    pub command: &'static str,
    pub answer: &'static [Reply],
    /// What the plugin makes of the answer.
    pub figures: &'static [(&'static str, f64)],
}

/// How a mailbox is open.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Open {
    ForReading,
    ForWriting,
}

/// A step of an answer.
#[derive(Debug)]
pub enum Reply {
    /// Sent as it stands, line ends included.
    Sent(&'static str),
    /// The same, with the date so many seconds ago in place of each `<SECONDS>`.
    Dated(&'static str),
    /// Sent with the command's tag before it and a line end behind it.
    Tagged(&'static str),
    /// Read before the next step: a line that has this text, the next command or the answer to a `+`.
    Read(&'static str),
}

use Reply::{Dated, Read, Sent, Tagged};

/// An operation that takes nothing, needs nothing and yields nothing.
const PLAIN: Exchange = Exchange {
    operation: "",
    target: "",
    default: "",
    needs: None,
    opens: None,
    brings: None,
    command: "",
    answer: &[Tagged("OK done")],
    figures: &[],
};

/// In an order that has each mailbox opened once if all are performed.
pub static EXCHANGES: &[Exchange] = &[
    Exchange {
        operation: "select",
        target: "Archive",
        opens: Some(Open::ForWriting),
        command: "SELECT \"{target}\"",
        answer: &[
            Sent("* FLAGS (\\Seen \\Deleted)\r\n* 0 RECENT\r\n* OK [UIDNEXT 4] next\r\n"),
            Sent("* {messages} EXISTS\r\n"),
            Tagged("OK [READ-WRITE] done"),
        ],
        figures: &[("messages", 172.0)],
        ..PLAIN
    },
    Exchange {
        operation: "examine",
        target: "Drafts",
        opens: Some(Open::ForReading),
        command: "EXAMINE \"{target}\"",
        answer: &[Sent("* {messages} EXISTS\r\n* 0 RECENT\r\n"), Tagged("OK [READ-ONLY] done")],
        figures: &[("messages", 7.0)],
        ..PLAIN
    },
    Exchange {
        operation: "search",
        target: "Reports?UNSEEN",
        needs: Some(Open::ForReading),
        command: "UID SEARCH RETURN (COUNT) {keys}",
        answer: &[Sent("* ESEARCH (TAG \"a9\") UID COUNT {matches}\r\n"), Tagged("OK done")],
        figures: &[("matches", 17.0)],
        ..PLAIN
    },
    Exchange {
        operation: "age",
        target: "Reports",
        needs: Some(Open::ForReading),
        command: "FETCH 1,* (INTERNALDATE)",
        answer: &[
            Dated("* 1 FETCH (INTERNALDATE \"<{oldest}>\")\r\n"),
            Dated("* 172 FETCH (FLAGS () INTERNALDATE \"<{newest}>\")\r\n"),
            Tagged("OK done"),
        ],
        figures: &[("oldest", 8_640_000.0), ("newest", 4320.0)],
        ..PLAIN
    },
    Exchange {
        operation: "idle",
        target: "Reports",
        needs: Some(Open::ForReading),
        command: "IDLE",
        answer: &[Sent("+ idling\r\n"), Read("DONE"), Tagged("OK done")],
        ..PLAIN
    },
    Exchange {
        operation: "quota",
        default: "INBOX",
        command: "GETQUOTAROOT \"{target}\"",
        answer: &[
            Sent("* QUOTAROOT \"{target}\" \"User quota\" {6}\r\nShared\r\n"),
            Sent("* QUOTA \"User quota\" (STORAGE 824 1000 MESSAGE 125 1000)\r\n"),
            Sent("* QUOTA {6}\r\nShared (STORAGE 10 1000)\r\n"),
            Tagged("OK done"),
        ],
        figures: &[("storage", 82.4), ("messages", 12.5)],
        ..PLAIN
    },
    Exchange {
        operation: "list",
        default: "*",
        command: "LIST \"\" \"{target}\"",
        answer: &[
            Sent("* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\Noselect) \"/\" \"a b\"\r\n"),
            Sent("* LIST () NIL {5}\r\nSpam)\r\n* LIST () \"/\" Archive\r\n"),
            Tagged("OK done"),
        ],
        figures: &[("mailboxes", 4.0)],
        ..PLAIN
    },
    Exchange {
        operation: "append",
        target: "Probe",
        brings: Some("remove"),
        command: "APPEND \"{target}\" (\\Seen) {",
        answer: &[Tagged("OK [APPENDUID 38505 43] done")],
        ..PLAIN
    },
    Exchange {
        operation: "remove",
        target: "Probe",
        needs: Some(Open::ForWriting),
        command: "UID SEARCH HEADER X-Check-Imap-Session \"<check_imap_session ",
        answer: &[
            Sent("* SEARCH 43 41\r\n"),
            Tagged("OK done"),
            Read("UID STORE 41,43 +FLAGS.SILENT (\\Deleted)"),
            Tagged("OK done"),
            Read("UID EXPUNGE 41,43"),
            Sent("* 172 EXPUNGE\r\n* 170 EXPUNGE\r\n"),
            Tagged("OK done"),
        ],
        figures: &[("removed", 2.0)],
        ..PLAIN
    },
    Exchange { operation: "noop", command: "NOOP", ..PLAIN },
    Exchange {
        operation: "id",
        command: "ID (\"name\" \"check_imap_session\"",
        answer: &[Sent("* ID (\"name\" \"Scripted\" \"version\" {3}\r\n1.0)\r\n"), Tagged("OK done")],
        ..PLAIN
    },
    Exchange {
        operation: "status",
        target: "Spam",
        command: "STATUS \"{target}\" (MESSAGES UNSEEN)",
        answer: &[Sent("* STATUS {{length}}\r\n{target} (MESSAGES {messages} UNSEEN {unseen})\r\n"), Tagged("OK done")],
        figures: &[("messages", 231.0), ("unseen", 3.0)],
        ..PLAIN
    },
];

pub fn exchange(operation: &str) -> &'static Exchange {
    let row = EXCHANGES.iter().find(|row| row.operation == operation);
    row.unwrap_or_else(|| panic!("{operation} has no row in EXCHANGES ({})", file!()))
}
