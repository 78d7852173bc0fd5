//! LOGOUT (RFC 9051 section 6.1.3). The exchange is in `imap/dialogue.rs`, which must know that the end is near.

use super::{Operation, Part, States, Summary, Takes};

/// The end of the session.
pub static LOGOUT: Operation = Operation {
    name: "logout",
    help: "LOGOUT, within at most 1 s of the time that is left; it is not part of the total",
    takes: Takes::Nothing,
    part: Part::End,
    counts: false,
    summary: Summary::Hidden,
    brings: None,
    writes: false,
    states: States::END,
    figures: &[],
};
