//! One JSON object (RFC 8259) with everything known. Its fields are described in README; a field whose value is not
//! known is `null`, durations are seconds.

use super::nagios::summary;
use crate::options::Options;
use crate::options::values::{self, TLS_MODES};
use crate::report::judge::Verdict;
use crate::report::{Facts, Limit, Outcome, Report};
use chrono::{DateTime, SecondsFormat, Utc};
use nagiosplugin::ServiceState;
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

#[derive(Serialize)]
struct Document<'a> {
    /// When the run ended (RFC 3339).
    time: String,
    host: &'a str,
    port: u16,
    tls_mode: &'a str,
    verify: bool,
    username: &'a str,
    state: &'static str,
    exit_code: i32,
    summary: String,
    /// What was wrong with files of our own.
    obstacle: Option<&'a str>,
    timed_out: bool,
    duration: f64,
    limit: f64,
    /// The part of the duration before the first phase.
    preparation: Option<f64>,
    /// Thresholds on the duration of the run that are crossed.
    breaches: &'a [String],
    /// What the name resolved to.
    addresses: Vec<IpAddr>,
    phases: Vec<Phase<'a>>,
    connections: Vec<Connection<'a>>,
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "the field is called as people call it")]
struct Phase<'a> {
    phase: &'static str,
    mailbox: Option<&'a str>,
    /// With `--every-address`.
    address: Option<IpAddr>,
    outcome: &'static str,
    /// Why it failed or was not run.
    reason: Option<&'a str>,
    /// Which limit ended it: `phase` or `total`.
    ended_by: Option<&'static str>,
    duration: Option<f64>,
    limit: f64,
    state: &'static str,
    /// The thresholds that are crossed.
    breaches: &'a [String],
    messages: Option<u32>,
    /// A remark of ours.
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct Connection<'a> {
    /// The address that answered.
    address: Option<IpAddr>,
    /// Those that were tried and did not.
    unanswered: Vec<Unanswered<'a>>,
    tls_version: Option<&'static str>,
    cipher: Option<&'static str>,
    /// Where trust comes from.
    trust: Option<&'a str>,
    certificate: Option<Certificate<'a>>,
    /// With `-vvv`.
    dialogue: &'a [String],
}

#[derive(Serialize)]
struct Unanswered<'a> {
    address: IpAddr,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Certificate<'a> {
    subject: &'a str,
    issuer: &'a str,
    not_before: String,
    not_after: String,
    days_left: f64,
}

/// The document on one line, with a line end.
pub(super) fn render(report: &Report, verdict: &Verdict, options: &Options, now: DateTime<Utc>) -> String {
    let judged = report.plan.phases.iter().zip(&report.records).zip(&verdict.phases);
    let phases = judged.map(|((phase, record), judgement)| {
        let (outcome, reason, ended_by) = match &record.outcome {
            Outcome::Ok => ("ok", None, None),
            Outcome::Failed(reason) | Outcome::Fault(reason) => ("failed", Some(reason.as_str()), None),
            Outcome::TimedOut(Limit::Own(_)) => ("timed out", None, Some("phase")),
            Outcome::TimedOut(Limit::Total(_)) => ("timed out", None, Some("total")),
            Outcome::NotRun(why) => ("not run", Some(why.as_str()), None),
        };
        Phase {
            phase: phase.operation.name(),
            mailbox: phase.operation.mailbox(),
            address: phase.address.and_then(|address| address.ip),
            outcome,
            reason,
            ended_by,
            duration: record.time.map(seconds),
            limit: seconds(report.plan.shown_limit(phase)),
            state: word(judgement.state),
            breaches: &judgement.breaches,
            messages: record.messages,
            note: record.note.as_deref(),
        }
    });
    // With --every-address the first facts are those of the name alone.
    let connections = report.facts.iter().skip(usize::from(options.every_address));
    let document = Document {
        time: time(now),
        host: &options.host,
        port: options.port(),
        tls_mode: values::name(&options.tls, &TLS_MODES),
        verify: options.verify,
        username: &options.username,
        state: word(verdict.state),
        exit_code: verdict.state.exit_code(),
        summary: summary(report, verdict, options),
        obstacle: report.obstacle.as_deref(),
        timed_out: report.timed_out,
        duration: seconds(report.total),
        limit: seconds(report.plan.total),
        preparation: report.facts.first().and_then(|facts| facts.prepared).map(seconds),
        breaches: &verdict.total.breaches,
        addresses: report
            .facts
            .first()
            .map(|facts| facts.addresses.iter().map(SocketAddr::ip).collect())
            .unwrap_or_default(),
        phases: phases.collect(),
        connections: connections.map(|facts| connection(facts, now)).collect(),
    };
    // Nothing in it can fail to be written: no map, no foreign type.
    serde_json::to_string(&document).map_or_else(|error| super::unknown(&error.to_string()), |json| json + "\n")
}

fn connection(facts: &Facts, now: DateTime<Utc>) -> Connection<'_> {
    let unanswered = facts.tried.iter().filter(|tried| facts.peer != Some(**tried));
    let reason = |tried| facts.refused.iter().find(|(refused, _)| refused == tried).map(|(_, why)| why.as_str());
    Connection {
        address: facts.peer.map(|peer| peer.ip()),
        unanswered: unanswered.map(|tried| Unanswered { address: tried.ip(), reason: reason(tried) }).collect(),
        tls_version: facts.tls.as_ref().map(|tls| tls.version),
        cipher: facts.tls.as_ref().map(|tls| tls.cipher),
        trust: facts.trust.as_deref(),
        certificate: facts.certificate.as_ref().map(|certificate| Certificate {
            subject: &certificate.subject,
            issuer: &certificate.issuer,
            not_before: time(certificate.not_before),
            not_after: time(certificate.not_after),
            days_left: certificate.days_left(now),
        }),
        dialogue: &facts.dialogue,
    }
}

fn word(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Ok => "OK",
        ServiceState::Warning => "WARNING",
        ServiceState::Critical => "CRITICAL",
        ServiceState::Unknown => "UNKNOWN",
    }
}

/// To the microsecond.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
