//! Runs work that may block, such as file access, and gives up on it when its time is over.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::signals::Signals;
use super::wakeup::{Next, Queue};
use crate::text;

/// Does the work in a thread of its own and gives up on it after `limit`, or `grace` after a signal.
///
/// # Errors
/// A limit or a signal ended it; the text says which.
pub fn run_bounded<T: Send + 'static>(
    limit: Duration,
    grace: Duration,
    signals: &Signals,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let begun = Instant::now();
    let queue = Arc::new(Queue::new(signals));
    let results = Arc::clone(&queue);
    let worker = move || results.put(work(), true);
    thread::Builder::new().spawn(worker).map_err(|error| describe_no_thread(&error))?;
    let signal = match queue.take(begun + limit) {
        Next::Message(result) => return Ok(result),
        Next::Signal(name) => Some(name),
        Next::Deadline => None,
    };
    match (queue.take_despite_signals((Instant::now() + grace).min(begun + limit)), signal) {
        (Next::Message(result), _) => Ok(result),
        (_, Some(name)) => Err(format!("ended by {name} after {:.1} s", begun.elapsed().as_secs_f64())),
        _ => Err(format!("not done within {}", text::format_limit(limit))),
    }
}

/// Why no thread could be started.
#[must_use]
pub fn describe_no_thread(error: &io::Error) -> String {
    format!("no thread could be started: {}", text::describe_io_error(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_blocks_is_given_up() {
        let signals = Signals::default();
        assert_eq!(run_bounded(Duration::from_secs(5), Duration::ZERO, &signals, || 1), Ok(1));
        let sleep = || thread::sleep(Duration::from_secs(5));
        let why = run_bounded(Duration::from_millis(20), Duration::ZERO, &signals, sleep).unwrap_err();
        assert!(why.contains("within 0.02 s"), "{why}");
    }
}
