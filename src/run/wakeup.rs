//! The queue at which the supervisor waits for messages of workers, for signals and for the clock. A signal handler may
//! do no more than write to a socket (a self-pipe), so a byte in that socket wakes the supervisor.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::signals::{Registration, Signals};

/// The time between two looks if no socket could be made.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// A wait that is longer is cut short and begun again: the kernel may wake a thread later by a thousandth of the time that
/// it asked for (timer slack).
const LONG_WAIT: Duration = Duration::from_millis(100);

/// Messages that are not taken yet, and the sockets that wake the thread that waits for them.
pub struct Queue<T> {
    /// None once the queue is closed.
    messages: Mutex<Option<VecDeque<T>>>,
    sockets: Option<Sockets>,
    signals: Signals,
}

struct Sockets {
    /// The waiting thread polls this one.
    receiver: UnixStream,
    /// A byte written here ends the poll.
    sender: UnixStream,
    _registration: Registration,
}

/// The reason why the waiting ended.
pub enum Next<T> {
    /// The oldest message.
    Message(T),
    /// This signal has come.
    Signal(&'static str),
    /// The deadline has passed.
    Deadline,
}

impl<T> Queue<T> {
    /// Empty. From now on signals are noted; one that has come before counts, too.
    #[must_use]
    pub fn new(signals: &Signals) -> Self {
        signals.catch();
        let sockets = UnixStream::pair().and_then(|(receiver, sender)| {
            // If the socket is full, the poll ends anyway: no writer may wait.
            sender.set_nonblocking(true)?;
            Ok(Sockets { _registration: signals.register(&sender)?, receiver, sender })
        });
        Self { messages: Mutex::new(Some(VecDeque::new())), sockets: sockets.ok(), signals: signals.clone() }
    }

    /// Adds a message; false if the queue is closed. The waiting thread is woken by the first urgent message, or at its
    /// deadline, and then finds all that were added before.
    pub fn put(&self, message: T, is_urgent: bool) -> bool {
        match self.messages.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(messages) => messages.push_back(message),
            None => return false,
        }
        if let Some(sockets) = self.sockets.as_ref().filter(|_| is_urgent) {
            let _ = (&sockets.sender).write(&[1]);
        }
        true
    }

    /// Waits until there is something. A message that was added in time counts, however late this thread wakes up.
    pub fn take(&self, deadline: Instant) -> Next<T> {
        self.wait(deadline, || self.signals.caught())
    }

    /// The same as [`Queue::take`], but a signal does not end the waiting.
    pub fn take_despite_signals(&self, deadline: Instant) -> Next<T> {
        self.wait(deadline, || None)
    }

    fn wait(&self, deadline: Instant, signal: impl Fn() -> Option<&'static str>) -> Next<T> {
        loop {
            let message =
                self.messages.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(VecDeque::pop_front);
            if let Some(message) = message {
                return Next::Message(message);
            }
            if let Some(signal) = signal() {
                return Next::Signal(signal);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Deadline;
            }
            self.sleep(left);
        }
    }

    /// Until a byte or a signal comes, or that time is over.
    fn sleep(&self, most: Duration) {
        let Some(sockets) = &self.sockets else { return thread::sleep(most.min(POLL_INTERVAL)) };
        let most = if most > LONG_WAIT { most.mul_f64(0.99) } else { most };
        match poll(&mut [PollFd::new(&sockets.receiver, PollFlags::IN)], Timespec::try_from(most).ok().as_ref()) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => drop((&sockets.receiver).read(&mut [0; 64])),
            Err(_) => thread::sleep(most.min(POLL_INTERVAL)),
        }
    }

    /// From now on no message is taken.
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
    fn a_full_socket_blocks_no_writer() {
        let queue = Arc::new(Queue::new(&Signals::default()));
        let (sender, (done, wait)) = (Arc::clone(&queue), mpsc::channel());
        thread::spawn(move || {
            assert!((0..1000).all(|number| sender.put(number, true)));
            done.send(()).unwrap();
        });
        assert!(wait.recv_timeout(Duration::from_secs(60)).is_ok(), "a writer hangs");
        let deadline = Instant::now() + Duration::from_secs(60);
        assert!((0..1000).all(|number| matches!(queue.take(deadline), Next::Message(taken) if taken == number)));
    }

    /// Timers of sockets are coarse: at 250 ticks a second a timeout of 3 s comes up to 256 ms late.
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
            let queue: Queue<()> = Queue::new(&Signals::default());
            assert!(matches!(queue.take(Instant::now() + time), Next::Deadline));
        });
        let asleep = asleep.join().unwrap();
        assert!(waiting < asleep + Duration::from_millis(30), "{waiting:?} late, from a sleep {asleep:?}");
    }
}
