//! The results of a run: one outcome per planned phase, and the facts that were learnt on the way. `judge.rs` decides
//! how bad they are.

pub mod judge;

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::facts::Facts;
use crate::failure::Reason;
use crate::operation::{Figure, Value};
use crate::plan::{Levels, Phase, Plan};
use crate::remark::Remark;

/// How a phase ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Ok,
    /// The server or the network said no.
    Failed(Reason),
    /// A fault of this program or of the monitoring host.
    Fault(Reason),
    /// A limit ended it.
    TimedOut(Limit),
    /// It was not begun.
    NotRun(Cause),
}

/// Which limit ended a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The phase's own.
    Own(Duration),
    /// That of the whole run.
    Total(Duration),
}

/// Why a phase was not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// In words, clean for output.
    pub why: String,
    /// The place in the report of the phase that prevented it; none if the run could not begin at all.
    pub phase: Option<usize>,
}

/// One phase of the report.
#[derive(Clone, Debug)]
pub struct PhaseReport {
    /// The phase as planned.
    pub phase: Phase,
    /// How it ended.
    pub outcome: Outcome,
    /// When it began, from program start.
    pub begun: Option<Duration>,
    /// The phase's own duration, or the time that it was given if a limit ended it; microseconds.
    pub time: Option<Duration>,
    /// The figures that are known, as they were measured: see [`crate::operation::Unit::convert`].
    pub values: Vec<(&'static Figure, Value)>,
    /// Further remarks, clean for output.
    pub notes: Vec<String>,
    /// What the server said unasked in it.
    pub remarks: Vec<Remark>,
    /// The server's last line in it, if a limit ended it; clean for output.
    pub last_words: Option<String>,
    /// The address that it was done against, if the name has several.
    pub peer: Option<IpAddr>,
}

/// Everything known about a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// One report per phase of the plan, in its order.
    pub phases: Vec<PhaseReport>,
    /// From program start to the verdict, LOGOUT not included.
    pub duration: Duration,
    /// The limit of the whole run.
    pub limit: Duration,
    /// The thresholds of the duration.
    pub levels: Levels,
    /// A file of the user that could not be read, so that nothing could be begun, or not be written; and the reason.
    pub obstacle: Option<String>,
    /// Whether a limit ended a phase, or the preparation before the first one.
    pub timed_out: bool,
    /// The facts about the run; with `--every-address`, those about each address follow.
    pub facts: Vec<Facts>,
}

impl PhaseReport {
    /// Nothing is known but the outcome.
    #[must_use]
    pub fn new(phase: Phase, outcome: Outcome) -> Self {
        Self {
            phase,
            outcome,
            begun: None,
            time: None,
            values: Vec::new(),
            notes: Vec::new(),
            remarks: Vec::new(),
            last_words: None,
            peer: None,
        }
    }

    /// `tls`, and of several addresses of the name the one in use before it: `192.0.2.1 tls`.
    #[must_use]
    pub fn make_full_title(&self) -> String {
        let title = self.phase.make_full_title();
        self.peer.map_or(title.clone(), |ip| format!("{ip} {title}"))
    }

    /// The figure as it was measured, if anything is known of it.
    #[must_use]
    pub fn find_value(&self, figure: &Figure) -> Option<Value> {
        self.values.iter().find(|(known, _)| known.name == figure.name).map(|(_, value)| *value)
    }

    /// The figure as it is shown, if it is known.
    #[must_use]
    pub fn find_shown_value(&self, figure: &Figure, now: DateTime<Utc>) -> Option<f64> {
        let Some(Value::Known(raw)) = self.find_value(figure) else { return None };
        Some(figure.unit.convert(raw, now))
    }

    /// Whether it was not begun.
    #[must_use]
    pub fn is_not_run(&self) -> bool {
        matches!(self.outcome, Outcome::NotRun(_))
    }

    /// Whether it was begun and is not ok.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        !matches!(self.outcome, Outcome::Ok | Outcome::NotRun(_))
    }

    /// How it ended, as the cause of what was not run: `login failed`, `select Archive timed out`.
    #[must_use]
    pub fn describe_ending(&self) -> String {
        let ending = if matches!(self.outcome, Outcome::TimedOut(_)) { "timed out" } else { "failed" };
        format!("{} {ending}", self.phase.make_title())
    }

    /// Whether it was done.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }
}

impl Report {
    /// The report of a plan of which nothing has become yet.
    #[must_use]
    pub fn new(plan: &Plan, duration: Duration) -> Self {
        Self {
            phases: Vec::with_capacity(plan.phases.len()),
            duration,
            limit: plan.total,
            levels: plan.total_levels.clone(),
            obstacle: None,
            timed_out: false,
            facts: Vec::new(),
        }
    }

    /// The facts about the connection of this phase.
    #[must_use]
    pub fn find_facts(&self, phase: &Phase) -> Option<&Facts> {
        self.facts.get(phase.address.map_or(0, |address| address.number))
    }

    /// Adds the report of a further address.
    pub fn append(&mut self, part: Self) {
        let place = self.phases.len();
        self.phases.extend(part.phases.into_iter().map(|mut report| {
            if let Outcome::NotRun(Cause { phase: Some(phase), .. }) = &mut report.outcome {
                *phase += place;
            }
            report
        }));
        self.facts.extend(part.facts);
        self.duration = self.duration.max(part.duration);
        self.timed_out |= part.timed_out;
        self.obstacle = self.obstacle.take().or(part.obstacle);
    }
}

/// The server's last line, as a part of a reason.
#[must_use]
pub fn describe_last_words(words: &str) -> String {
    format!("last line of the server: {words}")
}

/// To the microsecond, the resolution of every time: what is judged is what is printed.
#[must_use]
pub fn round_time(time: Duration) -> Duration {
    Duration::from_micros(time.as_micros().try_into().unwrap_or(u64::MAX))
}
