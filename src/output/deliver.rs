//! Standard output, the only place that prints. Its reader may be slow, gone or stopped: the process ends all the same.

use std::thread;
use std::time::{Duration, Instant};

use nagiosplugin::ServiceState;
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread};
use rustix::pipe::fcntl_getpipe_size;

use crate::run::signals::Signals;

/// The least time that a reader is given, also after a signal. A file is given as much.
pub const MIN_PATIENCE: Duration = Duration::from_millis(200);
/// The time between two looks for a signal.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The output and the exit code of a run.
pub struct Answer {
    /// The output.
    pub text: String,
    /// The exit code.
    pub code: i32,
    /// The exit code if the text does not arrive whole.
    pub code_if_cut: i32,
    /// How long a reader may take; at least [`MIN_PATIENCE`].
    pub patience: Duration,
}

impl Answer {
    /// Nothing was checked.
    #[must_use]
    pub fn without_state(text: String) -> Self {
        let code = ServiceState::Unknown.exit_code();
        Self { text, code, code_if_cut: code, patience: MIN_PATIENCE }
    }
}

/// Writes the answer and returns its exit code. Ends the process if that takes too long.
#[must_use]
pub fn deliver(answer: &Answer, signals: Signals) -> i32 {
    let end = Instant::now() + answer.patience.max(MIN_PATIENCE);
    if !takes_at_once(&answer.text) && !exit_at(end, answer.code_if_cut, signals) {
        // Without a thread that ends the process, no write may block; those of other writers to this output included.
        let _ = ioctl_fionbio(std::io::stdout(), true);
    }
    if write(answer.text.as_bytes(), end) { answer.code } else { answer.code_if_cut }
}

/// Writes a part of the output at once; whether that was all of it. For many parts one after the other.
#[must_use]
pub fn print(text: &str, end: Instant) -> bool {
    write(text.as_bytes(), end)
}

/// Whether standard output takes that at once: an empty pipe does, and a device that keeps nothing at all, such as
/// /dev/null. How much a terminal, a socket or a pipe in use will take is not known beforehand, and a file may be on a dead
/// mount.
fn takes_at_once(text: &str) -> bool {
    let stdout = std::io::stdout();
    match (ioctl_fionread(&stdout), fcntl_getpipe_size(&stdout)) {
        (Ok(0), Ok(size)) => text.len() <= size,
        (waiting, _) => waiting == Err(Errno::NOTTY),
    }
}

/// Ends the process then, or [`MIN_PATIENCE`] after a signal. False if no thread could be started for that.
fn exit_at(mut end: Instant, code: i32, signals: Signals) -> bool {
    let watch = move || {
        loop {
            if signals.caught().is_some() {
                end = end.min(Instant::now() + MIN_PATIENCE);
            }
            match end.saturating_duration_since(Instant::now()) {
                Duration::ZERO => std::process::exit(code),
                left => thread::sleep(left.min(POLL_INTERVAL)),
            }
        }
    };
    thread::Builder::new().spawn(watch).is_ok()
}

/// Writes to standard output; whether that was all.
fn write(mut rest: &[u8], end: Instant) -> bool {
    while !rest.is_empty() {
        match rustix::io::write(std::io::stdout(), rest) {
            Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // The output was made non-blocking, by us or by the caller.
            Err(Errno::AGAIN) if Instant::now() < end => thread::sleep(POLL_INTERVAL),
            Ok(_) | Err(_) => return false,
        }
    }
    true
}
