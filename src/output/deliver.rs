//! Standard output, the only place that prints. Whoever reads it may be slow, gone or asleep: the process ends all the same.

use crate::run::signals::Signals;
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread};
use rustix::pipe::fcntl_getpipe_size;
use std::thread;
use std::time::{Duration, Instant};

/// How long a reader may take at least, and after a signal; that long may a file then take as well.
pub const STUCK: Duration = Duration::from_millis(200);
/// How often is looked for a signal meanwhile.
const LOOK: Duration = Duration::from_millis(10);

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
    let end = Instant::now() + answer.patience;
    if !takes(&answer.text) && !give_up_at(end, answer.lost, signals) {
        // No thread is to be had for that: then nothing may block. Who else writes there has to live with it.
        let _ = ioctl_fionbio(std::io::stdout(), true);
    }
    if write(answer.text.as_bytes(), end) { answer.code } else { answer.lost }
}

/// Whether standard output takes that at once: an empty pipe does, and what keeps nothing at all, such as /dev/null. What a
/// terminal, a socket or a pipe in use will take nothing tells beforehand, and a file may be on a dead mount.
fn takes(text: &str) -> bool {
    let stdout = std::io::stdout();
    match (ioctl_fionread(&stdout), fcntl_getpipe_size(&stdout)) {
        (Ok(0), Ok(size)) => text.len() <= size,
        (waiting, _) => waiting == Err(Errno::NOTTY),
    }
}

/// Ends the process then, or [`STUCK`] after a signal. False where there is no thread for it.
fn give_up_at(mut end: Instant, code: i32, signals: Signals) -> bool {
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
    thread::Builder::new().spawn(watch).is_ok()
}

/// Writes to standard output; whether that was all.
fn write(mut rest: &[u8], end: Instant) -> bool {
    while !rest.is_empty() {
        match rustix::io::write(std::io::stdout(), rest) {
            Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // Whoever started us does not want to be waited for, and is.
            Err(Errno::AGAIN) if Instant::now() < end => thread::sleep(LOOK),
            Ok(_) | Err(_) => return false,
        }
    }
    true
}
