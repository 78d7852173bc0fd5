//! A whole run of a plan: once, or with `--every-address` against each address of the name, side by side.

pub mod bounded;
pub mod course;
pub mod event;
pub mod prepared;
mod session;
pub mod signals;
pub mod supervisor;
mod token;
pub mod wakeup;
pub mod worker;

use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use crate::plan::{Address, MAX_ADDRESSES, Plan};
use crate::report::{Cause, Outcome, PhaseReport, Report};
use prepared::Settings;
use signals::Signals;
use supervisor::supervise;
use worker::{Observer, Worker, make_worker, observe};

/// Runs a plan; an observer, if there is one, sees each event. `start` is the start of the program: the total limit
/// counts from there. With the report comes the worker, which has what it prepared until it is dropped.
#[must_use]
pub fn run(
    plan: Plan,
    settings: &Arc<Settings>,
    observer: Option<Observer>,
    signals: &Signals,
    start: Instant,
) -> (Report, Worker) {
    let worker = make_worker(Arc::clone(settings));
    let worker = if let Some(observer) = observer { observe(worker, observer) } else { worker };
    let report = if settings.every_address {
        run_against_each(&plan, &worker, signals, start)
    } else {
        supervise(&Arc::new(plan), &[], &worker, signals, start)
    };
    settings.command_group.end();
    (report, worker)
}

fn run_against_each(plan: &Plan, worker: &Worker, signals: &Signals, start: Instant) -> Report {
    let (once, each) = plan.split();
    let mut report = supervise(&Arc::new(once), &[], worker, signals, start);
    let mut addresses = report.facts.first().map(|facts| facts.addresses.clone()).unwrap_or_default();
    addresses.sort();
    addresses.truncate(MAX_ADDRESSES);
    if addresses.is_empty() {
        let cause = explain_no_address(&report);
        let each = each.against(Address { number: 1, ip: None });
        let not_run = |phase| PhaseReport::new(phase, Outcome::NotRun(cause.clone()));
        report.phases.extend(each.phases.into_iter().map(not_run));
        return report;
    }
    let run = |(number, address): (usize, &SocketAddr)| {
        let plan = each.clone().against(Address { number, ip: Some(address.ip()) });
        supervise(&Arc::new(plan), &[*address], worker, signals, start)
    };
    let reports: Vec<Report> = thread::scope(|scope| {
        // If no thread can be started, the run happens here and reports that it has none itself.
        let spawn = |numbered| thread::Builder::new().spawn_scoped(scope, move || run(numbered)).map_err(|_| numbered);
        let runs: Vec<_> = (1..).zip(&addresses).map(spawn).collect();
        let join = |run: ScopedJoinHandle<Report>| run.join().unwrap_or_else(|panic| resume_unwind(panic));
        runs.into_iter().map(|thread| thread.map_or_else(run, join)).collect()
    });
    for part in reports {
        report.append(part);
    }
    report
}

/// The reason why nothing can be done against any address: the outcome of the resolution, which is the last phase so far.
fn explain_no_address(report: &Report) -> Cause {
    match report.phases.last() {
        Some(PhaseReport { outcome: Outcome::NotRun(cause), .. }) => cause.clone(),
        last => Cause {
            why: last.map(PhaseReport::describe_ending).unwrap_or_default(),
            phase: report.phases.len().checked_sub(1),
        },
    }
}
