//! What the supervisor waits at: messages of workers, signals and the clock, all in one place. A signal handler may do no
//! more than write to a socket, so that is what wakes it.

use crate::signals::{Signals, Watch};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often is looked where no socket is to be had.
const LOOK: Duration = Duration::from_millis(10);

/// Messages that nobody has taken yet, and what wakes who waits for them.
pub struct Inbox<T> {
    /// None once nobody takes any more.
    messages: Mutex<Option<VecDeque<T>>>,
    sockets: Option<Sockets>,
    signals: Signals,
}

struct Sockets {
    ear: UnixStream,
    bell: UnixStream,
    _watch: Watch,
}

/// What ended the waiting.
pub enum Wake<T> {
    /// The oldest message.
    Message(T),
    /// This signal has come.
    Signal(&'static str),
    /// It is past the deadline.
    TimeOut,
}

impl<T> Inbox<T> {
    /// Empty; signals are heard from now on, and where one has come before, too.
    #[must_use]
    pub fn new(signals: &Signals) -> Self {
        let sockets = UnixStream::pair().ok().map(|(ear, bell)| Sockets { _watch: signals.watch(&bell), ear, bell });
        Self { messages: Mutex::new(Some(VecDeque::new())), sockets, signals: signals.clone() }
    }

    /// Puts a message there; false where nobody takes it any more. Who waits is woken by the first that rings, or at its
    /// deadline, and then finds all that came before.
    pub fn put(&self, message: T, ring: bool) -> bool {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(messages) = messages.as_mut() else { return false };
        messages.push_back(message);
        if let Some(sockets) = self.sockets.as_ref().filter(|_| ring) {
            let _ = (&sockets.bell).write(&[1]);
        }
        true
    }

    /// Waits until there is something. What came in time counts, however late we wake up.
    pub fn take(&self, deadline: Instant) -> Wake<T> {
        loop {
            let message =
                self.messages.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(VecDeque::pop_front);
            if let Some(message) = message {
                return Wake::Message(message);
            }
            if let Some(signal) = self.signals.came() {
                return Wake::Signal(signal);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Wake::TimeOut;
            }
            self.sleep(left);
        }
    }

    /// Until the bell rings, a signal comes or that time is over.
    fn sleep(&self, most: Duration) {
        let Some(sockets) = &self.sockets else { return thread::sleep(most.min(LOOK)) };
        let heard = sockets.ear.set_read_timeout(Some(most)).and_then(|()| (&sockets.ear).read(&mut [0; 64]));
        if heard.is_err_and(|error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)) {
            thread::sleep(most.min(LOOK));
        }
    }

    /// Nothing is taken any more.
    pub fn close(&self) {
        *self.messages.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
