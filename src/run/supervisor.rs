//! Owns clock, queue and worker threads, and asks the [`Course`] what follows. It abandons a worker that
//! hangs, and needs nothing from it.

use std::hint;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::bounded::describe_no_thread;
use super::course::Course;
use super::event::{Effect, Event, Input, Reporter, is_urgent};
use super::signals::Signals;
use super::wakeup::{Next, Queue};
use super::worker::{Job, Worker};
use crate::facts::Fact;
use crate::imap::last_words::LastWords;
use crate::plan::Plan;
use crate::report::Report;

/// An event, and the number of the worker that it is from.
type Message = (usize, Event);

/// Runs a plan against a server (its addresses, if they are known). `start` is the start of the program: the total limit
/// counts from there.
#[must_use]
pub fn supervise(
    plan: &Arc<Plan>,
    addresses: &[SocketAddr],
    worker: &Worker,
    signals: &Signals,
    start: Instant,
) -> Report {
    let queue: Arc<Queue<Message>> = Arc::new(Queue::new(signals));
    let mut course = Course::new(Arc::clone(plan), start);
    // For closing the connection of an abandoned worker.
    let mut connection: Option<Arc<TcpStream>> = None;
    let mut addresses = addresses.to_vec();
    let mut workers = 0;
    let mut last_words = Arc::<LastWords>::default();
    let mut effect = Effect::Reconnect { from: 0, reopen: None };
    loop {
        match effect {
            Effect::Stop => break,
            Effect::Wait => {
                let (number, event) = match queue.take(course.find_deadline().0) {
                    Next::Message(message) => message,
                    Next::Signal(name) => {
                        effect = course.take(Input::Signal(name, last_words.describe()), Instant::now());
                        continue;
                    }
                    Next::Deadline => {
                        effect = course.take(Input::Deadline(last_words.describe()), Instant::now());
                        continue;
                    }
                };
                // An abandoned worker still reports.
                if number != workers {
                    continue;
                }
                effect = match event {
                    Event::Fact(fact) => {
                        if let Fact::Addresses(found) = &fact {
                            addresses.clone_from(found);
                        }
                        connection = course.facts.learn(fact, start).or(connection);
                        Effect::Wait
                    }
                    event => course.take(Input::Event(event), Instant::now()),
                };
            }
            Effect::Reconnect { from, reopen } => {
                if let Some(connection) = connection.take() {
                    // The abandoned worker wakes up and ends, and the server is rid of the connection.
                    let _ = connection.shutdown(Shutdown::Both);
                }
                workers += 1;
                // The first worker is to resolve the name itself, unless the addresses are given.
                last_words = Arc::default();
                let (addresses, last_words) = (addresses.clone(), Arc::clone(&last_words));
                let job = Job { plan: Arc::clone(plan), from, reopen, addresses, last_words };
                effect = match start_worker(worker, job, workers, &queue) {
                    Ok(()) => Effect::Wait,
                    Err(why) => course.take(Input::Event(Event::CannotBegin(why)), Instant::now()),
                };
            }
        }
    }
    queue.close();
    course.report(Instant::now())
}

fn start_worker(worker: &Worker, job: Job, number: usize, queue: &Arc<Queue<Message>>) -> Result<(), String> {
    let (plan, queue) = (Arc::clone(&job.plan), Arc::clone(queue));
    let report: Reporter = Arc::new(move |event| {
        let is_urgent = is_urgent(&plan, &event);
        queue.put((number, event), is_urgent)
    });
    let worker = Arc::clone(worker);
    let work = move || {
        grow_heap();
        // A panic must be reported.
        if panic::catch_unwind(AssertUnwindSafe(|| worker(&job, &report))).is_err() {
            report(Event::Panicked);
        }
    };
    // The handle is dropped: a worker that hangs is left behind when the process ends.
    let spawned = thread::Builder::new().name("worker".to_owned()).spawn(work);
    spawned.map(drop).map_err(|error| describe_no_thread(&error))
}

/// Makes room in this thread's heap at once: glibc grows it by a page and a system call each, ninety times in a run. Once
/// the first block is freed, glibc keeps that much for later (its mmap threshold rises with it); the second one then comes
/// from the thread's own heap.
fn grow_heap() {
    const ROOM: usize = 512 * 1024;
    for room in [ROOM, ROOM - 1024] {
        // If there is no such room, the heap grows as it does by default.
        let _ = hint::black_box(Vec::<u8>::new()).try_reserve_exact(room);
    }
}

#[cfg(test)]
mod tests;
