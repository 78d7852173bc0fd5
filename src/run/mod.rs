//! The way through a whole plan: once, or with `--every-address` against each address of the name, side by side.

pub mod event;
pub mod session;
pub mod signals;
pub mod supervisor;
pub mod wakeup;

use crate::options::{MAX_ADDRESSES, Options};
use crate::plan::{Address, Plan};
use crate::report::{Outcome, Record, Report};
use crate::run::event::Worker;
use crate::run::signals::Signals;
use crate::run::supervisor::supervise;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

/// Runs a plan. `start` is the start of the program: the total limit counts from there.
#[must_use]
pub fn run(plan: &Plan, options: &Arc<Options>, signals: &Signals, start: Instant) -> Report {
    let worker = session::worker(Arc::clone(options));
    if options.every_address {
        return against_each(plan, &worker, signals, start);
    }
    supervise(plan, &[], &worker, signals, start)
}

fn against_each(plan: &Plan, worker: &Worker, signals: &Signals, start: Instant) -> Report {
    let (once, each) = plan.split();
    let mut report = supervise(&once, &[], worker, signals, start);
    let mut addresses = report.facts.first().map(|facts| facts.addresses.clone()).unwrap_or_default();
    addresses.sort();
    addresses.truncate(MAX_ADDRESSES);
    if addresses.is_empty() {
        let cause = match report.records.first().map(|record| &record.outcome) {
            Some(Outcome::TimedOut(_)) => "resolve timed out".to_owned(),
            Some(Outcome::NotRun(why)) => why.clone(),
            _ => "resolve failed".to_owned(),
        };
        let each = each.against(Address { number: 1, ip: None });
        report.records.extend(each.phases.iter().map(|_| Record::new(Outcome::NotRun(cause.clone()))));
        report.plan.phases.extend(each.phases);
        return report;
    }
    let run = |(number, address): (usize, &SocketAddr)| {
        let plan = each.clone().against(Address { number, ip: Some(address.ip()) });
        supervise(&plan, &[*address], worker, signals, start)
    };
    let reports: Vec<Report> = thread::scope(|scope| {
        // Where no thread is to be had for it, the run itself says so.
        let spawn = |numbered| thread::Builder::new().spawn_scoped(scope, move || run(numbered)).map_err(|_| numbered);
        let runs: Vec<_> = (1..).zip(&addresses).map(spawn).collect();
        let join = |run: ScopedJoinHandle<Report>| run.join().unwrap_or_else(|panic| resume_unwind(panic));
        runs.into_iter().map(|thread| thread.map_or_else(run, join)).collect()
    });
    for part in reports {
        report.plan.phases.extend(part.plan.phases);
        report.records.extend(part.records);
        report.facts.extend(part.facts);
        report.total = report.total.max(part.total);
        report.timed_out |= part.timed_out;
        report.obstacle = report.obstacle.or(part.obstacle);
    }
    report
}
