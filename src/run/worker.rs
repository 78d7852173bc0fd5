//! Does phases of a plan in a thread of its own, with plain blocking calls. It knows no limits: those are the supervisor's.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::event::{Event, Reporter, Stop};
use super::prepared::{Settings, prepare};
use super::session::Session;
use crate::imap::last_words::LastWords;
use crate::operation::Yield;
use crate::plan::Plan;

/// Does a job in the thread that it is called in, and reports the outcomes.
pub type Worker = Arc<dyn Fn(&Job, &Reporter) + Send + Sync>;

/// Sees each event of a run before the supervisor does.
pub type Observer = Arc<dyn Fn(&Job, &Event) + Send + Sync>;

/// The part of a plan that one worker performs.
#[derive(Clone)]
pub struct Job {
    /// All phases.
    pub plan: Arc<Plan>,
    /// The first phase to be done and reported. Of those before it, the set-up of a fresh connection is done, but not
    /// reported.
    pub from: usize,
    /// A task before that one whose mailbox must be open: done again, but not reported.
    pub reopen: Option<usize>,
    /// The addresses to connect to, if they are known.
    pub addresses: Vec<SocketAddr>,
    /// Where the worker keeps the server's last line.
    pub last_words: Arc<LastWords>,
}

/// Makes the worker of a run. At its first job it reads the files; all later jobs use what it read.
#[must_use]
pub fn make_worker(settings: Arc<Settings>) -> Worker {
    let prepared = OnceLock::new();
    Arc::new(move |job, report| match prepared.get_or_init(|| prepare(&settings, report)) {
        Ok(prepared) => work(job, Session::new(prepared, report, job), report),
        Err(why) => {
            report(Event::CannotBegin(why.clone()));
        }
    })
}

/// The same worker, whose events the observer sees, too.
#[must_use]
pub fn observe(worker: Worker, observer: Observer) -> Worker {
    Arc::new(move |job, report| {
        let (observe, own_job, report) = (Arc::clone(&observer), job.clone(), Arc::clone(report));
        let both: Reporter = Arc::new(move |event| {
            observe(&own_job, &event);
            report(event)
        });
        worker(job, &both);
    })
}

/// Does a job, whose plan begins behind connect, with a server in memory and without TLS: for `fuzz/`.
#[cfg(fuzzing)]
pub fn play(
    job: &Job,
    socket: crate::imap::stream::Socket,
    settings: &Arc<Settings>,
    password: &crate::credentials::secret::Secret,
    report: &Reporter,
) {
    if let Ok(prepared) = super::prepared::Prepared::new(Arc::clone(settings), password, None) {
        work(job, Session::connected(&prepared, report, job, socket), report);
    }
}

/// Does a job in order, and reports each outcome as soon as it is there. Ends once the supervisor is gone.
fn work(job: &Job, mut session: Session<'_>, report: &Reporter) {
    for (number, phase) in job.plan.phases.iter().enumerate() {
        if number == job.from {
            report(Event::Ready { phase: number, at: Instant::now() });
        }
        // A phase that has been reported is performed again only if a fresh connection needs it.
        let is_reported = number < job.from;
        let is_done = phase.operation.is_task() && job.reopen != Some(number);
        if is_reported && (is_done || session.is_known(phase)) {
            continue;
        }
        let mut yielded = Yield::default();
        let result = session.perform(number, phase, &mut yielded);
        if is_reported {
            let reason = match &result {
                Err(Stop::Failed(failure)) => Some(failure.reason()),
                Err(Stop::NotSent(reason)) => Some(reason),
                Ok(()) | Err(Stop::Impossible) => None,
            };
            if let Some(reason) = reason {
                report(Event::CannotReconnect(format!("{} failed: {reason}", phase.make_title())));
                return;
            }
            continue;
        }
        let is_lost = match &result {
            Err(Stop::Failed(failure)) => failure.is_lost(),
            Err(Stop::NotSent(_)) => true,
            Ok(()) | Err(Stop::Impossible) => false,
        };
        let is_received = report(Event::Ended { phase: number, at: Instant::now(), result, yielded });
        if is_lost || !is_received {
            return;
        }
    }
}
