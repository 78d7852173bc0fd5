//! Standard output, the only place that prints. Whoever reads it may be slow, gone or asleep: the process ends all the same.

use crate::signals::Signals;
use rustix::io::Errno;
use std::io::IsTerminal;
use std::os::unix::fs::FileTypeExt;
use std::thread;
use std::time::{Duration, Instant};

/// How long a reader may take at least, and after a signal.
pub const STUCK: Duration = Duration::from_millis(200);
/// How often is looked for a signal meanwhile.
const LOOK: Duration = Duration::from_millis(10);
/// What an empty pipe takes at once (`PIPE_BUF`).
const PIPE: usize = 4096;

/// What a run comes to.
pub struct Answer {
    /// The output.
    pub text: String,
    /// The exit code.
    pub code: i32,
    /// The exit code where the text does not arrive whole.
    pub lost: i32,
    /// How long a reader may take.
    pub patience: Duration,
}

/// Writes the answer; its exit code. Ends the process where that takes too long.
#[must_use]
pub fn deliver(answer: &Answer, signals: Signals) -> i32 {
    if !takes(&answer.text) {
        give_up_after(answer.patience, answer.lost, signals);
    }
    if write(answer.text.as_bytes()) { answer.code } else { answer.lost }
}

/// Whether standard output takes that at once: a file does, and an empty pipe if it is little. What a terminal, a socket
/// or a pipe in use will take nothing tells beforehand.
fn takes(text: &str) -> bool {
    let stdout = std::io::stdout();
    std::fs::metadata("/dev/stdout").map(|data| data.file_type()).is_ok_and(|kind| {
        if kind.is_fifo() {
            text.len() <= PIPE && rustix::io::ioctl_fionread(&stdout) == Ok(0)
        } else {
            kind.is_file() || (kind.is_char_device() && !stdout.is_terminal())
        }
    })
}

/// Ends the process where its reader takes longer than that, or than [`STUCK`] after a signal.
fn give_up_after(patience: Duration, code: i32, signals: Signals) {
    let mut end = Instant::now() + patience;
    let watch = move || {
        loop {
            if signals.came().is_some() {
                end = end.min(Instant::now() + STUCK);
            }
            match end.saturating_duration_since(Instant::now()) {
                Duration::ZERO => std::process::exit(code),
                left => thread::sleep(left.min(LOOK)),
            }
        }
    };
    // Without a thread to be had we write all the same.
    let _ = thread::Builder::new().spawn(watch);
}

/// Writes to standard output; whether that was all.
fn write(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        match rustix::io::write(std::io::stdout(), rest) {
            Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // Whoever started us does not want to be waited for, and is.
            Err(Errno::AGAIN) => thread::sleep(LOOK),
            Ok(_) | Err(_) => return false,
        }
    }
    true
}
