use std::time::Duration;

use ServiceState::{Critical, Ok, Unknown, Warning};

use super::*;
use crate::operation::MESSAGES;
use crate::options::Options;
use crate::plan::Plan;
use crate::report::{Cause, Limit};

/// A run of -m a -m b in which the phase of this title ends so and all else is ok: each phase takes 0.4 s, each mailbox
/// has 5 messages, the run takes 1 s.
fn report(arguments: &[&str], title: &str, outcome: &Outcome) -> Report {
    let mut all = vec!["-H", "localhost", "-u", "joe", "--password-file", "f", "--tls=none", "-m", "a", "-m", "b"];
    all.extend(arguments);
    let plan = Plan::new(&Options::from_arguments(&all).unwrap().plan).unwrap();
    let mut report = Report::new(&plan, Duration::from_secs(1));
    report.phases.extend(plan.phases.into_iter().map(|phase| {
        let outcome = if phase.make_title() == title { outcome.clone() } else { Outcome::Ok };
        let values = if phase.operation.is_task() { vec![(&MESSAGES, Value::Known(5.0))] } else { Vec::new() };
        PhaseReport { time: Some(Duration::from_millis(400)), values, ..PhaseReport::new(phase, outcome) }
    }));
    report
}

fn state(arguments: &[&str], title: &str, outcome: &Outcome) -> ServiceState {
    judge(&report(arguments, title, outcome), Utc::now()).state
}

#[test]
fn the_table_of_states_and_the_options_that_change_it() {
    let timed_out = Outcome::TimedOut(Limit::Total(Duration::from_secs(1)));
    let failed = Outcome::Failed("NO".into());
    let not_run = Outcome::NotRun(Cause { why: "select b failed".to_owned(), phase: None });
    let fault = Outcome::Fault("panic".into());
    for (arguments, title, outcome, wanted) in [
        (&[][..], "login", &timed_out, Critical),
        (&[], "login", &failed, Critical),
        (&[], "login", &fault, Unknown),
        (&[], "select a", &timed_out, Warning),
        (&[], "select a", &failed, Critical),
        (&[], "select a", &not_run, Unknown),
        (&[], "logout", &timed_out, Ok),
        (&[], "logout", &failed, Ok),
        (&[], "logout", &not_run, Ok),
        (&["--on-timeout", "unknown"], "login", &timed_out, Unknown),
        (&["--on-timeout", "unknown"], "logout", &timed_out, Ok),
        (&["--on-timeout", "logout=warning"], "logout", &timed_out, Warning),
        (&["--on-timeout", "select=critical", "--on-timeout", "ok"], "select b", &timed_out, Critical),
        (&["--on-timeout", "select=critical", "--on-timeout", "ok"], "login", &timed_out, Ok),
        (&["--on-failure", "select=warning"], "select a", &failed, Warning),
        (&["--on-failure", "select=warning"], "login", &failed, Critical),
        (&["--on-failure", "warning", "--on-failure", "OK"], "login", &failed, Ok),
    ] {
        assert_eq!(state(arguments, title, outcome), wanted, "{arguments:?} {title} {outcome:?}");
    }
}

#[test]
fn what_was_not_run_is_at_most_as_bad_as_what_prevented_it() {
    for (arguments, prevented, run) in [
        (&[][..], Unknown, Critical),
        (&["--on-failure", "warning"], Unknown, Warning),
        (&["--on-failure", "ok"], Ok, Ok),
        // Another failure that is taken for OK is no excuse.
        (&["--on-failure", "select=ok"], Unknown, Critical),
    ] {
        let mut report = report(arguments, "login", &Outcome::Failed("NO".into()));
        for phase in report.phases.iter_mut().filter(|report| report.phase.operation.is_task()) {
            phase.outcome = Outcome::NotRun(Cause { why: "login failed".to_owned(), phase: Some(3) });
        }
        let judged = judge(&report, Utc::now());
        assert_eq!((judged.phases[4].verdict.state, judged.state), (prevented, run), "{arguments:?}");
    }
}

#[test]
fn a_threshold_is_crossed_outside_its_range_and_the_worse_one_counts() {
    for (arguments, wanted) in [
        (&["-w", "1"][..], Ok),
        (&["-w", "0.9"], Warning),
        (&["-w", "0.9", "-c", "0.95"], Critical),
        (&["-w", "total=0.9"], Warning),
        (&["-w", "login=0.4"], Ok),
        (&["-w", "login=0.3"], Warning),
        (&["-w", "login=0.3", "-w", "login=0.5"], Ok),
        (&["-c", "select=0.3"], Critical),
        (&["-c", "select=0.3", "-c", "select:a=1", "-c", "select:b=1"], Ok),
        (&["-c", "select:a=0.3", "-c", "select=1"], Critical),
        (&["-w", "select.messages:a=6:"], Warning),
        (&["-w", "select.messages=5"], Ok),
        (&["-c", "select.messages=@5"], Critical),
        (&["-w", "logout=0.1"], Warning),
    ] {
        assert_eq!(state(arguments, "", &Outcome::Ok), wanted, "{arguments:?}");
    }
}

#[test]
fn a_threshold_on_a_figure_that_was_not_sent_is_crossed() {
    let mut report = report(&["-c", "select.messages=1:"], "", &Outcome::Ok);
    assert_eq!(judge(&report, Utc::now()).state, Ok);
    report.phases[4].values.clear();
    let judged = judge(&report, Utc::now());
    assert_eq!(judged.state, Critical);
    let breaches = &judged.phases[4].verdict.breaches;
    assert_eq!((breaches.len(), breaches[0].value, breaches[0].state), (1, None, Critical));
}
