use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::operation::Yield;
use crate::options::Options;
use crate::report::Outcome;

fn plan(arguments: &[&str]) -> Arc<Plan> {
    let mut all = vec!["-H", "localhost", "-u", "joe", "--password-file", "f", "--tls=none", "-m", "a", "-m", "b"];
    all.extend(arguments);
    Arc::new(Plan::new(&Options::from_arguments(&all).unwrap().plan).unwrap())
}

fn end(phase: usize) -> Event {
    Event::Ended { phase, at: Instant::now(), result: Ok(()), yielded: Yield::default() }
}

/// All phases are ok but the fourth (login) of the first worker, in which this happens.
fn run(arguments: &[&str], happens: fn(&Reporter)) -> (Report, Vec<usize>) {
    let jobs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&jobs);
    let worker: Worker = Arc::new(move |job, report| {
        seen.lock().unwrap().push(job.from);
        report(Event::Ready { phase: job.from, at: Instant::now() });
        for phase in job.from..job.plan.phases.len() {
            if phase == 4 {
                happens(report);
            }
            report(end(phase));
        }
    });
    let report = supervise(&plan(arguments), &[], &worker, &Signals::default(), Instant::now());
    let jobs = jobs.lock().unwrap().clone();
    (report, jobs)
}

#[test]
fn a_worker_that_hangs_is_abandoned_and_what_it_still_reports_is_ignored() {
    let (report, jobs) = run(&["--limit", "select=50ms", "-t", "60"], |_| thread::sleep(Duration::from_millis(150)));
    let is_ok: Vec<bool> = report.phases.iter().map(|report| report.outcome == Outcome::Ok).collect();
    assert_eq!(is_ok, [true, true, true, true, false, true, true]);
    assert_eq!(jobs, [0, 5]);
}

#[test]
fn a_panic_is_a_fault_of_the_running_phase_and_what_was_measured_is_kept() {
    let (report, jobs) = run(&[], |_| panic!("played"));
    assert_eq!(report.phases[3].outcome, Outcome::Ok);
    assert!(matches!(report.phases[4].outcome, Outcome::Fault(_)));
    assert_eq!(jobs, [0]);
}

#[test]
fn a_run_ends_in_time_although_its_worker_does_not() {
    let begun = Instant::now();
    let (report, _) = run(&["-t", "0.1"], |_| thread::sleep(Duration::from_secs(60)));
    assert!(report.timed_out && begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
