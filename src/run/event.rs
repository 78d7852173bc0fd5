//! The events that can happen in a run, and what the supervisor has to do after each.

use std::sync::Arc;
use std::time::Instant;

use crate::facts::Fact;
use crate::failure::{Failure, Reason};
use crate::operation::Yield;
use crate::plan::Plan;
use crate::remark::Remark;

/// Takes an event. False once the supervisor is gone.
pub type Reporter = Arc<dyn Fn(Event) -> bool + Send + Sync>;

/// One message of a worker. Phases are numbered by their place in the plan.
#[derive(Clone, Debug)]
pub enum Event {
    /// The connection is set up as far as this phase needs it: it begins.
    Ready {
        /// The first phase that this worker reports.
        phase: usize,
        /// The time when it happened.
        at: Instant,
    },
    /// The run cannot begin, because of a file of the user; the text is the reason.
    CannotBegin(String),
    /// A fresh connection could not be set up; the text is the reason.
    CannotReconnect(String),
    /// This phase has ended, the next one of the plan begins.
    Ended {
        /// Its number.
        phase: usize,
        /// The time when it happened.
        at: Instant,
        /// Success, or the reason why there is none.
        result: Result<(), Stop>,
        /// Its figures and notes, also if it failed.
        yielded: Yield,
    },
    /// A fact that the worker has learnt.
    Fact(Fact),
    /// The server said this in the running phase, or while a fresh connection was set up for it.
    Remark(Remark),
    /// Advice for the administrator about the phase that failed last.
    Advice(String),
    /// The worker panicked.
    Panicked,
}

/// Why a phase yields nothing.
#[derive(Clone, Debug)]
pub enum Stop {
    /// It was tried.
    Failed(Failure),
    /// The connection was lost before anything of this phase was sent.
    NotSent(Reason),
    /// The connection is not in the state that the phase needs.
    Impossible,
}

/// The inputs of a run: events of workers, the clock, signals.
pub enum Input {
    /// The worker reports something.
    Event(Event),
    /// The deadline has passed; and the server's last line in the running phase.
    Deadline(Option<String>),
    /// This signal has come; and the server's last line.
    Signal(&'static str, Option<String>),
}

/// The next step of the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Wait for the next input.
    Wait,
    /// Give up the worker, and start another one that sets up a fresh connection for this phase and those behind it.
    Reconnect {
        /// The first phase that it reports.
        from: usize,
        /// The phase that opened the mailbox which those behind need: done again, without a report.
        reopen: Option<usize>,
    },
    /// Nothing: the report is complete.
    Stop,
}

/// Whether the supervisor must look at this event at once. An event that changes neither the deadline nor what the
/// supervisor has to do can wait until it looks anyway: to wake it costs more than what it then does.
#[must_use]
pub fn is_urgent(plan: &Plan, event: &Event) -> bool {
    // Behind the last phase is the end.
    let has_limit = |phase: usize| plan.phases.get(phase).is_none_or(|phase| phase.limit.is_some());
    match event {
        Event::Fact(_) | Event::Remark(_) | Event::Advice(_) => false,
        Event::Ready { phase, .. } => has_limit(*phase),
        Event::Ended { phase, result, .. } => result.is_err() || has_limit(phase + 1),
        Event::CannotBegin(_) | Event::CannotReconnect(_) | Event::Panicked => true,
    }
}
