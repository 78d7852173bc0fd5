//! One JSON object (RFC 8259) with everything known. A field whose value is not known is `null`, durations are seconds.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Number;

use super::summary::summarize;
use super::words::{Hints, describe_breaches, describe_breaches_of_total, describe_silence};
use super::{Format, Repeated, Settings};
use crate::facts::Facts;
use crate::operation::{Unit, seconds_of};
use crate::remark::Remark;
use crate::report::judge::{Judged, JudgedPhase};
use crate::report::{Limit, Outcome, PhaseReport};

/// For programs.
pub static JSON: Format = Format {
    name: "json",
    help: "one object with everything known",
    is_whole_or_nothing: true,
    has_check_label: false,
    draws: false,
    render,
    repeated: Some(Repeated { line: render, table: |_, _| String::new() }),
};

#[derive(Serialize)]
struct Document<'a> {
    /// When the run ended (RFC 3339).
    time: String,
    host: &'a str,
    port: u16,
    tls_mode: &'a str,
    verify: bool,
    username: &'a str,
    state: String,
    exit_code: i32,
    summary: String,
    /// A file of the user that could not be read or written, and the reason.
    obstacle: Option<&'a str>,
    timed_out: bool,
    duration: f64,
    limit: f64,
    /// The part of the duration before the first phase.
    preparation: Option<f64>,
    /// Thresholds on the duration of the run that are crossed.
    breaches: Vec<String>,
    /// The addresses of the name.
    addresses: Vec<IpAddr>,
    phases: Vec<Phase<'a>>,
    connections: Vec<Connection<'a>>,
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "the field has the term of the field")]
struct Phase<'a> {
    phase: &'static str,
    /// The mailbox, keys or pattern for the operation, as the user wrote it.
    target: Option<&'a str>,
    /// With `--every-address`.
    address: Option<IpAddr>,
    outcome: &'static str,
    /// Why it failed or was not run; the server's last line if it timed out.
    reason: Option<String>,
    /// Which limit ended it: `phase` or `total`.
    ended_by: Option<&'static str>,
    duration: Option<f64>,
    limit: f64,
    state: String,
    /// The thresholds that are crossed.
    breaches: Vec<String>,
    /// By name; null if it is not known.
    figures: BTreeMap<&'static str, Option<Number>>,
    /// Further remarks.
    note: Option<String>,
    /// Texts that the server wants users to see (RFC 9051 section 7.1).
    alerts: Vec<&'a str>,
}

#[derive(Serialize)]
struct Connection<'a> {
    /// The address that answered.
    address: Option<IpAddr>,
    /// Those that were tried and did not.
    unanswered: Vec<Unanswered<'a>>,
    tls_version: Option<&'static str>,
    cipher: Option<&'static str>,
    /// The source of trust, such as a CA file.
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

fn render(judged: &Judged<'_>, settings: &Settings) -> String {
    let report = judged.report;
    // With --every-address the first facts are those of the name alone.
    let connections = report.facts.iter().skip(usize::from(settings.every_address));
    let facts = report.facts.first();
    let document = Document {
        time: format_time(judged.now),
        host: &settings.host,
        port: settings.port,
        tls_mode: settings.tls_mode.name(),
        verify: settings.verify,
        username: &settings.username,
        state: judged.state.to_string(),
        exit_code: judged.state.exit_code(),
        summary: summarize(judged, settings, Hints::Inside),
        obstacle: report.obstacle.as_deref(),
        timed_out: report.timed_out,
        duration: to_seconds(report.duration),
        limit: to_seconds(report.limit),
        preparation: facts.and_then(|facts| facts.preparation).map(to_seconds),
        breaches: describe_breaches_of_total(judged),
        addresses: facts.map(|facts| facts.addresses.iter().map(SocketAddr::ip).collect()).unwrap_or_default(),
        phases: judged.phases.iter().map(|phase| make_phase(phase, judged)).collect(),
        connections: connections.map(|facts| make_connection(facts, judged.now)).collect(),
    };
    // Nothing in it can fail to be written: each key of a map is a string.
    serde_json::to_string(&document).map_or_else(|error| super::render_unknown(&error.to_string()), |json| json + "\n")
}

fn make_phase<'a>(phase: &JudgedPhase<'a>, judged: &Judged<'_>) -> Phase<'a> {
    let report = phase.report;
    let (outcome, reason, ended_by) = match &report.outcome {
        Outcome::Ok => ("ok", None, None),
        Outcome::Failed(reason) | Outcome::Fault(reason) => ("failed", Some(reason.to_string()), None),
        Outcome::TimedOut(limit) => {
            let ended_by = if matches!(limit, Limit::Own(_)) { "phase" } else { "total" };
            ("timed out", describe_silence(phase, judged, Hints::Inside), Some(ended_by))
        }
        Outcome::NotRun(cause) => ("not run", Some(cause.why.clone()), None),
    };
    // The number as perfdata has it: a count has no fraction.
    let figures = report.phase.operation.figures.iter().map(|figure| {
        let value = report.find_shown_value(figure, judged.now).map(|value| figure.unit.format(value));
        (figure.name, value.and_then(|text| text.trim_end_matches(['s', '%']).parse().ok()))
    });
    Phase {
        phase: report.phase.operation.name,
        target: report.phase.target.as_deref(),
        address: report.phase.address.and_then(|address| address.ip),
        outcome,
        reason,
        ended_by,
        duration: report.time.map(to_seconds),
        limit: to_seconds(report.phase.shown_limit),
        state: phase.verdict.state.to_string(),
        breaches: describe_breaches(phase, judged),
        figures: figures.collect(),
        note: join_notes(report),
        alerts: report.remarks.iter().filter_map(Remark::alert).collect(),
    }
}

fn join_notes(report: &PhaseReport) -> Option<String> {
    let remarks = report.remarks.iter().filter(|remark| remark.alert().is_none()).map(ToString::to_string);
    let notes: Vec<String> = report.notes.iter().cloned().chain(remarks).collect();
    (!notes.is_empty()).then(|| notes.join(", "))
}

fn make_connection(facts: &Facts, now: DateTime<Utc>) -> Connection<'_> {
    let unanswered = facts.tried.iter().filter(|tried| facts.peer != Some(**tried));
    let reason = |tried| facts.unreachable.iter().find(|(address, _)| address == tried).map(|(_, why)| why.as_str());
    Connection {
        address: facts.peer.map(|peer| peer.ip()),
        unanswered: unanswered.map(|tried| Unanswered { address: tried.ip(), reason: reason(tried) }).collect(),
        tls_version: facts.tls.as_ref().map(|tls| tls.version),
        cipher: facts.tls.as_ref().map(|tls| tls.cipher),
        trust: facts.trust.as_deref(),
        certificate: facts.certificate.as_ref().map(|certificate| Certificate {
            subject: &certificate.subject,
            issuer: &certificate.issuer,
            not_before: format_time(certificate.not_before),
            not_after: format_time(certificate.not_after),
            days_left: Unit::DaysUntil.convert(seconds_of(certificate.not_after), now),
        }),
        dialogue: &facts.dialogue,
    }
}

/// To the microsecond.
fn to_seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

fn format_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
