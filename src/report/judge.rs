//! Outcomes and thresholds to states, and the worst of them. Pure: one table and the rules that change it.

use crate::options::Options;
use crate::plan::Operation;
use crate::plan::selector::{Range, Selector, TIME, TOTAL};
use crate::report::{Facts, Outcome, Record, Report};
use chrono::{DateTime, Utc};
use nagiosplugin::ServiceState;
use std::time::Duration;

/// How bad a run was.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The worst of all: CRITICAL, WARNING, UNKNOWN, OK.
    pub state: ServiceState,
    /// One per phase of the plan, in its order.
    pub phases: Vec<Judgement>,
    /// That of the total's thresholds.
    pub total: Judgement,
}

/// How bad one phase was.
#[derive(Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Its state.
    pub state: ServiceState,
    /// The thresholds that were crossed, in words; those are judged only where the phase is ok.
    pub breaches: Vec<String>,
}

/// Judges a run.
#[must_use]
pub fn judge(report: &Report, options: &Options, now: DateTime<Utc>) -> Verdict {
    let mut phases: Vec<Judgement> = Vec::new();
    for (phase, record) in report.plan.phases.iter().zip(&report.records) {
        let mut judgement = judge_phase(&phase.operation, record, cert_days(report.facts(phase), now), options);
        // What a server does is never UNKNOWN: who takes a failure for OK takes what it prevented for OK, too.
        if matches!(record.outcome, Outcome::NotRun(_)) && report.obstacle.is_none() {
            let earlier = phases.iter().map(|earlier| earlier.state).max().unwrap_or(ServiceState::Unknown);
            judgement.state = judgement.state.min(earlier);
        }
        phases.push(judgement);
    }
    let mut total = Judgement { state: ServiceState::Ok, breaches: Vec::new() };
    total.hold(options, None, TIME, Some(report.total.as_secs_f64()));
    let own = if report.obstacle.is_some() { ServiceState::Unknown } else { ServiceState::Ok };
    let state = phases.iter().chain([&total]).map(|judgement| judgement.state).fold(own, ServiceState::max);
    Verdict { state, phases, total }
}

/// Days until the certificate expires.
#[must_use]
pub fn cert_days(facts: Option<&Facts>, now: DateTime<Utc>) -> Option<f64> {
    facts?.certificate.as_ref().map(|certificate| certificate.days_left(now))
}

/// The range that holds for a figure of a phase (`None`: of the total): of those given the most specific, of equal
/// ones the last.
#[must_use]
pub fn range<'a>(
    thresholds: &'a [(Selector, Range)],
    operation: Option<&Operation>,
    metric: &str,
) -> Option<&'a Range> {
    thresholds
        .iter()
        .filter(|(selector, _)| {
            selector.metric() == metric
                && operation.map_or(selector.phase == TOTAL, |operation| operation.is_meant_by(selector))
        })
        .max_by_key(|(selector, _)| selector.target.is_some())
        .map(|(_, range)| range)
}

fn judge_phase(operation: &Operation, record: &Record, cert_days: Option<f64>, options: &Options) -> Judgement {
    let is_logout = *operation == Operation::Logout;
    let mut judgement = Judgement { state: ServiceState::Ok, breaches: Vec::new() };
    judgement.state = match &record.outcome {
        Outcome::Ok => ServiceState::Ok,
        Outcome::NotRun(_) if is_logout => ServiceState::Ok,
        Outcome::NotRun(_) | Outcome::Fault(_) => ServiceState::Unknown,
        Outcome::Failed(_) => chosen(&options.on_failure, operation).unwrap_or(if is_logout {
            ServiceState::Ok
        } else {
            ServiceState::Critical
        }),
        Outcome::TimedOut(_) => chosen(&options.on_timeout, operation).unwrap_or(match operation {
            Operation::Logout => ServiceState::Ok,
            Operation::Select(_) => ServiceState::Warning,
            _ => ServiceState::Critical,
        }),
    };
    if record.outcome == Outcome::Ok {
        judgement.hold(options, Some(operation), TIME, record.time.as_ref().map(Duration::as_secs_f64));
        if let Some(figure) = operation.figure() {
            let value = match operation {
                Operation::Select(_) => record.messages.map(f64::from),
                _ => cert_days,
            };
            judgement.hold(options, Some(operation), figure, value);
        }
    }
    judgement
}

/// What `--on-timeout` or `--on-failure` says of a phase: one that names it comes before one for all, of equal ones
/// the last counts; logout must be named.
fn chosen(states: &[(Option<Selector>, ServiceState)], operation: &Operation) -> Option<ServiceState> {
    states
        .iter()
        .filter(|(selector, _)| {
            selector.as_ref().map_or(*operation != Operation::Logout, |selector| operation.is_meant_by(selector))
        })
        .max_by_key(|(selector, _)| selector.is_some())
        .map(|(_, state)| *state)
}

impl Judgement {
    /// Holds a value against its thresholds. A threshold on a figure that the server did not tell is crossed: it
    /// must not silently be no threshold.
    fn hold(&mut self, options: &Options, operation: Option<&Operation>, metric: &str, value: Option<f64>) {
        let levels = [
            (&options.critical, ServiceState::Critical, "critical"),
            (&options.warning, ServiceState::Warning, "warning"),
        ];
        for (thresholds, state, word) in levels {
            let Some(range) = range(thresholds, operation, metric) else {
                continue;
            };
            let why = match value {
                Some(value) => range.breach(value),
                None => Some("not told".to_owned()),
            };
            if let Some(why) = why {
                let unit = if metric == TIME { " s" } else { "" };
                let what = match metric {
                    TIME => String::new(),
                    "cert_days" => match value {
                        Some(days) if days < 0.0 => format!("certificate expired {:.1} days ago, ", -days),
                        Some(days) => format!("certificate expires in {days:.1} days, "),
                        None => "certificate expiry unknown, ".to_owned(),
                    },
                    metric => {
                        format!("{} {metric}, ", value.map_or_else(|| "unknown".to_owned(), |value| value.to_string()))
                    }
                };
                self.state = self.state.max(state);
                self.breaches.push(format!("{what}{word} {why}{unit}"));
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::report::Limit;

    /// A run with this outcome at the last place before logout, all else ok: select a 0.4 s with 5 messages, total 1 s.
    fn verdict(arguments: &[&str], title: &str, outcome: &Outcome) -> Verdict {
        let mut all = vec!["-H", "localhost", "-u", "joe", "--password-file", "f", "--tls=none", "-m", "a", "-m", "b"];
        all.extend(arguments);
        let options = Options::from_arguments(&all).unwrap();
        let plan = Plan::new(&options).unwrap();
        let records = plan.phases.iter().map(|phase| {
            let outcome = if phase.operation.title() == title { outcome.clone() } else { Outcome::Ok };
            let messages = phase.operation.mailbox().map(|_| 5);
            Record { outcome, time: Some(Duration::from_millis(400)), messages, note: None }
        });
        let report = Report {
            records: records.collect(),
            plan,
            total: Duration::from_secs(1),
            obstacle: None,
            timed_out: false,
            facts: vec![Facts::default()],
        };
        judge(&report, &options, Utc::now())
    }

    #[test]
    fn the_table_of_states_and_the_options_that_change_it() {
        use ServiceState::{Critical, Ok, Unknown, Warning};
        let timed_out = Outcome::TimedOut(Limit::Total(Duration::from_secs(1)));
        let failed = Outcome::Failed("NO".to_owned());
        let not_run = Outcome::NotRun("login failed".to_owned());
        let fault = Outcome::Fault("panic".to_owned());
        for (arguments, title, outcome, state) in [
            (&[][..], "login", &timed_out, Critical),
            (&[], "login", &failed, Critical),
            (&[], "login", &fault, Unknown),
            (&[], "select a", &timed_out, Warning),
            (&[], "select a", &failed, Critical),
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
            assert_eq!(verdict(arguments, title, outcome).state, state, "{arguments:?} {title} {outcome:?}");
        }
    }

    #[test]
    fn what_was_not_run_is_at_most_as_bad_as_what_prevented_it() {
        let options = |arguments: &[&str]| {
            let all = [&["-H", "localhost", "-u", "joe", "--password-file", "f", "--tls=none"][..], arguments].concat();
            Options::from_arguments(&all).unwrap()
        };
        let outcomes = ["", "", "", "NO", "login failed", "login failed"];
        for (arguments, select, run) in [
            (&[][..], ServiceState::Unknown, ServiceState::Critical),
            (&["--on-failure", "warning"], ServiceState::Unknown, ServiceState::Warning),
            (&["--on-failure", "ok"], ServiceState::Ok, ServiceState::Ok),
        ] {
            let options = options(arguments);
            let plan = Plan::new(&options).unwrap();
            let records = outcomes.map(|text| match text {
                "" => Record::new(Outcome::Ok),
                "NO" => Record::new(Outcome::Failed(text.to_owned())),
                text => Record::new(Outcome::NotRun(text.to_owned())),
            });
            let report = Report {
                plan,
                records: records.into(),
                total: Duration::from_secs(1),
                obstacle: None,
                timed_out: false,
                facts: Vec::new(),
            };
            let verdict = judge(&report, &options, Utc::now());
            assert_eq!((verdict.phases[4].state, verdict.state), (select, run), "{arguments:?}");
        }
    }

    #[test]
    fn the_most_specific_threshold_wins() {
        use ServiceState::{Critical, Ok, Warning};
        for (arguments, state) in [
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
            assert_eq!(verdict(arguments, "", &Outcome::Ok).state, state, "{arguments:?}");
        }
    }

    #[test]
    fn a_threshold_on_a_figure_that_was_not_told_is_crossed() {
        let verdict = verdict(&["-w", "login=1"], "", &Outcome::Ok);
        assert_eq!(verdict.state, ServiceState::Ok);
        let mut judgement = Judgement { state: ServiceState::Ok, breaches: Vec::new() };
        let options =
            Options::from_arguments(&["-H", "h", "-u", "u", "--password-file", "f", "-c", "select.messages=1:"])
                .unwrap();
        judgement.hold(&options, Some(&Operation::Select("INBOX".to_owned())), "messages", None);
        assert_eq!(
            judgement,
            Judgement {
                state: ServiceState::Critical,
                breaches: vec!["unknown messages, critical not told".to_owned()]
            }
        );
    }
}
