//! What became of a run: one outcome per planned phase, and the facts that were learnt on the way.
//! How bad that is, `judge.rs` says.

pub mod judge;

use crate::plan::{Phase, Plan};
use chrono::{DateTime, TimeDelta, Utc};
use std::net::SocketAddr;
use std::time::Duration;

/// How a phase ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Ok,
    /// The server or the network said no; the reason in words, clean for output.
    Failed(String),
    /// A fault of our own: the reason in words.
    Fault(String),
    /// A limit ended it.
    TimedOut(Limit),
    /// An earlier phase or our own files made it impossible: which, in words.
    NotRun(String),
}

/// Which limit ended a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The phase's own.
    Own(Duration),
    /// That of the whole run.
    Total(Duration),
}

/// One phase of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How it ended.
    pub outcome: Outcome,
    /// The phase's own duration, or the time that it was given where a limit ended it; microseconds.
    pub time: Option<Duration>,
    /// EXISTS of the SELECT (RFC 9051 section 7.4.1).
    pub messages: Option<u32>,
    /// What else is worth telling, clean for output: a server's remark.
    pub note: Option<String>,
}

/// Everything known about a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was to be done.
    pub plan: Plan,
    /// One record per phase of the plan, in its order.
    pub records: Vec<Record>,
    /// From program start to the verdict, LOGOUT not included.
    pub total: Duration,
    /// What was wrong with files of our own: why nothing could be begun, or what could not be written.
    pub obstacle: Option<String>,
    /// Whether a limit ended a phase, or the preparation.
    pub timed_out: bool,
    /// What was learnt: of the run, and with `--every-address` behind that of each address.
    pub facts: Vec<Facts>,
}

impl Record {
    /// Nothing is known but the outcome.
    #[must_use]
    pub fn new(outcome: Outcome) -> Self {
        Self { outcome, time: None, messages: None, note: None }
    }
}

impl Report {
    /// What was learnt where this phase was done.
    #[must_use]
    pub fn facts(&self, phase: &Phase) -> Option<&Facts> {
        self.facts.get(phase.address.map_or(0, |address| address.number))
    }
}

/// Learnt on the way, each as soon as it is known, so that a time-out loses nothing.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What it took from program start to the first phase: options, files, the TLS library.
    pub prepared: Option<Duration>,
    /// What the name resolved to.
    pub addresses: Vec<SocketAddr>,
    /// The file that is or was last being read.
    pub reading: Option<String>,
    /// Addresses that were tried.
    pub tried: Vec<SocketAddr>,
    /// Addresses that did not answer, and why.
    pub refused: Vec<(SocketAddr, String)>,
    /// The address that answered.
    pub peer: Option<SocketAddr>,
    /// What TLS agreed on.
    pub tls: Option<Tls>,
    /// The server's certificate.
    pub certificate: Option<Certificate>,
    /// Where trust comes from.
    pub trust: Option<String>,
    /// The IMAP dialogue, secrets masked.
    pub dialogue: Vec<String>,
}

/// What client and server agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `TLSv1.3`
    pub version: &'static str,
    /// By OpenSSL's name.
    pub cipher: &'static str,
}

/// What matters of a server's certificate (RFC 5280); text clean for output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Subject, in short: its common name or first alternative name.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Valid from.
    pub not_before: DateTime<Utc>,
    /// Valid until.
    pub not_after: DateTime<Utc>,
}

impl Certificate {
    /// Days until it expires, one decimal, rounded down so that it never promises too much; negative once past.
    #[must_use]
    pub fn days_left(&self, now: DateTime<Utc>) -> f64 {
        const TENTH: i32 = 8640;
        let tenths = (self.not_after - now).num_milliseconds().div_euclid(i64::from(TENTH) * 1000);
        f64::from(i32::try_from(tenths).unwrap_or(i32::MAX)) / 10.0
    }
}

/// A span of time as people say it: `3 days`, `5 hours`, `20 minutes`.
#[must_use]
pub fn span(delta: TimeDelta) -> String {
    let plural = |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    let delta = delta.abs();
    if delta.num_days() > 0 {
        plural(delta.num_days(), "day")
    } else if delta.num_hours() > 0 {
        plural(delta.num_hours(), "hour")
    } else {
        plural(delta.num_minutes(), "minute")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_left_never_promise_too_much() {
        let now = Utc::now();
        let certificate = |seconds| Certificate {
            subject: String::new(),
            issuer: String::new(),
            not_before: now,
            not_after: now + TimeDelta::seconds(seconds),
        };
        for (seconds, days) in [(86_400 * 5, 5.0), (86_399, 0.9), (60, 0.0), (0, 0.0), (-1, -0.1), (-86_400 * 3, -3.0)]
        {
            assert!((certificate(seconds).days_left(now) - days).abs() < 1e-9, "{seconds}");
        }
    }

    #[test]
    fn spans_read_well() {
        assert_eq!(span(TimeDelta::hours(-73)), "3 days");
        assert_eq!(span(TimeDelta::hours(1)), "1 hour");
        assert_eq!(span(TimeDelta::seconds(59)), "0 minutes");
    }
}
