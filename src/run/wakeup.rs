//! What the supervisor waits at: messages of workers, signals and the clock, all in one place. A signal handler may do no
//! more than write to a socket, so that is what wakes it.

use crate::run::signals::{Signals, Watch};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often is looked where no socket is to be had.
const LOOK: Duration = Duration::from_millis(10);

/// A thousandth of it is nothing that anybody sees.
const LONG: Duration = Duration::from_millis(100);

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
        signals.hear();
        let sockets = UnixStream::pair().and_then(|(ear, bell)| {
            // A full bell rings already: nobody may wait at it.
            bell.set_nonblocking(true)?;
            Ok(Sockets { _watch: signals.watch(&bell)?, ear, bell })
        });
        Self { messages: Mutex::new(Some(VecDeque::new())), sockets: sockets.ok(), signals: signals.clone() }
    }

    /// Puts a message there; false where nobody takes it any more. Who waits is woken by the first that rings, or at its
    /// deadline, and then finds all that came before.
    pub fn put(&self, message: T, ring: bool) -> bool {
        match self.messages.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(messages) => messages.push_back(message),
            None => return false,
        }
        if let Some(sockets) = self.sockets.as_ref().filter(|_| ring) {
            let _ = (&sockets.bell).write(&[1]);
        }
        true
    }

    /// Waits until there is something. What came in time counts, however late we wake up.
    pub fn take(&self, deadline: Instant) -> Wake<T> {
        self.wait(deadline, || self.signals.came())
    }

    /// As [`Inbox::take`], but signals end nothing.
    pub fn take_calmly(&self, deadline: Instant) -> Wake<T> {
        self.wait(deadline, || None)
    }

    fn wait(&self, deadline: Instant, signal: impl Fn() -> Option<&'static str>) -> Wake<T> {
        loop {
            let message =
                self.messages.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(VecDeque::pop_front);
            if let Some(message) = message {
                return Wake::Message(message);
            }
            if let Some(signal) = signal() {
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
        // The kernel may take a thousandth longer: what is left of a long time is waited for once more.
        let most = if most > LONG { most.mul_f64(0.99) } else { most };
        match poll(&mut [PollFd::new(&sockets.ear, PollFlags::IN)], Timespec::try_from(most).ok().as_ref()) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => drop((&sockets.ear).read(&mut [0; 64])),
            Err(_) => thread::sleep(most.min(LOOK)),
        }
    }

    /// Nothing is taken any more.
    pub fn close(&self) {
        *self.messages.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, mpsc};

    /// A burst of a thousand fills the buffer of a socket three times.
    #[test]
    fn a_full_bell_keeps_nobody_waiting() {
        let inbox = Arc::new(Inbox::new(&Signals::default()));
        let (outbox, (done, wait)) = (Arc::clone(&inbox), mpsc::channel());
        thread::spawn(move || {
            assert!((0..1000).all(|number| outbox.put(number, true)));
            done.send(()).unwrap();
        });
        assert!(wait.recv_timeout(Duration::from_secs(60)).is_ok(), "a writer hangs");
        let deadline = Instant::now() + Duration::from_secs(60);
        assert!((0..1000).all(|number| matches!(inbox.take(deadline), Wake::Message(taken) if taken == number)));
    }

    /// Timers of sockets are coarse: at 250 ticks a second a time-out of 3 s comes up to 256 ms late.
    #[test]
    fn it_is_woken_as_exactly_as_from_a_sleep() {
        let times = [2200, 2350, 2500, 2650, 2800].map(Duration::from_millis);
        let late = move |wait: fn(Duration)| {
            let threads = times.map(|time| {
                thread::spawn(move || {
                    let start = Instant::now();
                    wait(time);
                    start.elapsed().checked_sub(time).expect("not early")
                })
            });
            let mut late = threads.map(|thread| thread.join().unwrap());
            late.sort();
            late[times.len() / 2]
        };
        let asleep = thread::spawn(move || late(thread::sleep));
        let waiting = late(|time| {
            let inbox: Inbox<()> = Inbox::new(&Signals::default());
            assert!(matches!(inbox.take(Instant::now() + time), Wake::TimeOut));
        });
        let asleep = asleep.join().unwrap();
        assert!(waiting < asleep + Duration::from_millis(30), "{waiting:?} late, from a sleep {asleep:?}");
    }
}
