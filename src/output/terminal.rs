//! The terminal that standard output may be: its width, and whether it has colours.

use std::io::stdout;

use rustix::termios::{isatty, tcgetwinsize};

/// A terminal on which a picture can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Columns.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Whether it shows colours, and the user wants them (<https://no-color.org>).
    pub has_colour: bool,
}

/// The width of a terminal that does not know its own.
const UNKNOWN_WIDTH: u16 = 80;
/// The height of a terminal that does not know its own.
const UNKNOWN_HEIGHT: u16 = 24;

impl Terminal {
    /// The terminal as it is now; none if standard output is none, or one that can only print (`TERM=dumb`).
    #[must_use]
    pub fn find() -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if is_dumb || !isatty(stdout()) {
            return None;
        }
        let size = tcgetwinsize(stdout()).ok();
        let width = size.map(|size| size.ws_col).filter(|width| *width > 0).unwrap_or(UNKNOWN_WIDTH);
        let height = size.map(|size| size.ws_row).filter(|height| *height > 0).unwrap_or(UNKNOWN_HEIGHT);
        let has_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Some(Self { width: width.into(), height: height.into(), has_colour })
    }
}
