//! Outcomes and thresholds to states, and the worst of them. Pure: everything that the options decide is in the report.

use chrono::{DateTime, Utc};
use nagiosplugin::ServiceState;

use super::{Outcome, PhaseReport, Report};
use crate::operation::{Figure, Value};
use crate::plan::Levels;
use crate::plan::range::Range;
use crate::remark::Remark;

/// A report with a state for everything in it.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The report that was judged.
    pub report: &'a Report,
    /// The time of judging. Days until expiry, for example, are relative to it.
    pub now: DateTime<Utc>,
    /// The worst of all: CRITICAL, WARNING, UNKNOWN, OK.
    pub state: ServiceState,
    /// One per phase, in the plan's order.
    pub phases: Vec<JudgedPhase<'a>>,
    /// The run's duration.
    pub total: Verdict<'a>,
}

/// A phase's report with its state.
#[derive(Debug)]
pub struct JudgedPhase<'a> {
    /// The phase that was judged.
    pub report: &'a PhaseReport,
    /// Its state and the thresholds that were crossed. Thresholds are judged only if the phase is ok.
    pub verdict: Verdict<'a>,
}

/// A state, and the thresholds that led to it.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// OK unless something else is the case.
    pub state: ServiceState,
    /// In the order of time and figures, at most one for each.
    pub breaches: Vec<Breach<'a>>,
    /// Remarks of the server that the options give a state.
    pub remarks: Vec<&'a Remark>,
}

/// A threshold that was crossed.
#[derive(Debug)]
pub struct Breach<'a> {
    /// The level that was reached.
    pub state: ServiceState,
    /// Whose; none for a time.
    pub figure: Option<&'static Figure>,
    /// The value as it is shown, or what crosses every threshold: that there is nothing to measure, and why; none if the
    /// server did not send it.
    pub value: Option<Value>,
    /// The range that the value should be in.
    pub range: &'a Range,
}

/// Judges a run.
#[must_use]
pub fn judge(report: &Report, now: DateTime<Utc>) -> Judged<'_> {
    let mut phases: Vec<JudgedPhase<'_>> = Vec::with_capacity(report.phases.len());
    for phase in &report.phases {
        let state_of = |place: usize| phases.get(place).map(|cause: &JudgedPhase<'_>| cause.verdict.state);
        let verdict = judge_phase(phase, state_of, now);
        phases.push(JudgedPhase { report: phase, verdict });
    }
    let mut total = Verdict::ok();
    total.hold(None, Some(Value::Known(report.duration.as_secs_f64())), &report.levels);
    let own = if report.obstacle.is_some() { ServiceState::Unknown } else { ServiceState::Ok };
    let states = phases.iter().map(|phase| phase.verdict.state).chain([total.state]);
    Judged { report, now, state: states.fold(own, ServiceState::max), phases, total }
}

fn judge_phase(
    report: &PhaseReport,
    state_of: impl Fn(usize) -> Option<ServiceState>,
    now: DateTime<Utc>,
) -> Verdict<'_> {
    let states = report.phase.states;
    let mut verdict = Verdict::ok();
    verdict.state = match &report.outcome {
        Outcome::Ok => ServiceState::Ok,
        Outcome::Fault(_) => ServiceState::Unknown,
        Outcome::Failed(_) => states.failed,
        Outcome::TimedOut(_) => states.timed_out,
        // At most as bad as its cause: if the user takes a failure for OK, what it prevented is OK, too.
        Outcome::NotRun(cause) => cause.phase.and_then(state_of).map_or(states.not_run, |of| states.not_run.min(of)),
    };
    for remark in &report.remarks {
        let state = match remark {
            Remark::Alert(_) => states.alert,
            Remark::ReadOnly => states.read_only,
            Remark::Warning(_) => ServiceState::Ok,
        };
        if state != ServiceState::Ok {
            verdict.state = verdict.state.max(state);
            verdict.remarks.push(remark);
        }
    }
    if report.is_ok() {
        let time = report.time.map(|time| Value::Known(time.as_secs_f64()));
        verdict.hold(None, time, &report.phase.time_levels);
        for (figure, levels) in &report.phase.figure_levels {
            let value = match report.find_value(figure) {
                Some(Value::Known(raw)) => Some(Value::Known(figure.unit.convert(raw, now))),
                other => other,
            };
            verdict.hold(Some(figure), value, levels);
        }
    }
    verdict
}

impl<'a> Verdict<'a> {
    /// Whether nothing is to be said about a phase that is ok.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.breaches.is_empty() && self.remarks.is_empty()
    }

    fn ok() -> Self {
        Self { state: ServiceState::Ok, breaches: Vec::new(), remarks: Vec::new() }
    }

    /// Holds a value against its thresholds. A threshold on a figure that the server did not send is crossed: it must not
    /// silently be no threshold.
    fn hold(&mut self, figure: Option<&'static Figure>, value: Option<Value>, levels: &'a Levels) {
        let levels = [(&levels.critical, ServiceState::Critical), (&levels.warning, ServiceState::Warning)];
        for (range, state) in levels {
            let Some(range) = range else { continue };
            let is_crossed = match value {
                Some(Value::Known(value)) => range.explain_breach(value).is_some(),
                Some(Value::Void) => false,
                Some(Value::Missing(_)) | None => true,
            };
            if is_crossed {
                self.state = self.state.max(state);
                self.breaches.push(Breach { state, figure, value, range });
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
