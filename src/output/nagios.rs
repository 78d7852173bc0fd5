//! The Nagios plugin output: the state and its reason in one line with all perfdata, then a line per phase.
//! Line 1 has the only `|`: Icinga 2 and Nagios look for more of them in every line.

use super::perfdata::perfdata;
use crate::judge::{Judgement, Verdict, cert_days};
use crate::options::Options;
use crate::outcome::{Limit, Outcome, Record, Report};
use crate::plan::{Operation, Phase};
use crate::text;
use chrono::{DateTime, Utc};
use nagiosplugin::{CheckResult, Resource, ServiceState};

/// The service's name in line 1.
const NAME: &str = "IMAP";
/// Old NRPE carries 1024 bytes: the message has to be among them.
const MAX_MESSAGE: usize = 900;
/// NRPE carries 64 KB.
const MAX_BYTES: usize = 60_000;

/// The whole output, with a line end.
#[must_use]
pub fn render(report: &Report, verdict: &Verdict, options: &Options, now: DateTime<Utc>) -> String {
    let mut resource =
        Resource::new(NAME).with_fixed_state(verdict.state).with_description(summary(report, verdict, options));
    for item in perfdata(report, options, now) {
        resource.push_result(CheckResult::new().with_perf_data(item));
    }
    let (_, mut output) = resource.nagios_result();
    output.push('\n');

    let mut lines = Vec::new();
    if verdict.state != ServiceState::Ok || options.verbosity > 0 {
        lines.extend(report.plan.phases.iter().zip(&report.records).zip(&verdict.phases).map(
            |((phase, record), judgement)| {
                let details =
                    if options.verbosity > 0 { details(phase, record, report, options, now) } else { Vec::new() };
                phase_line(phase, record, judgement, &details)
            },
        ));
    }
    if options.verbosity > 1 {
        lines.extend(decisions(report, options));
    }
    lines.extend(report.facts.dialogue.iter().cloned());
    for line in lines {
        if output.len() + line.len() > MAX_BYTES {
            output.push_str("(more lines left out: NRPE carries 64 KB)\n");
            break;
        }
        output.push_str(&line);
        output.push('\n');
    }
    output
}

/// The one line for what prevents a run: bad usage, a fault of our own.
#[must_use]
pub fn unknown(why: &str) -> String {
    let why = bounded(&text::one_line(why.as_bytes()));
    let (_, mut line) =
        Resource::new(NAME).with_fixed_state(ServiceState::Unknown).with_description(why).nagios_result();
    line.push('\n');
    line
}

/// What is bad, the worst first, each with its reason; then what went well.
fn summary(report: &Report, verdict: &Verdict, options: &Options) -> String {
    let mut bad: Vec<(ServiceState, String)> = Vec::new();
    if let Some(obstacle) = &report.obstacle {
        bad.push((ServiceState::Unknown, obstacle.clone()));
    }
    if verdict.total.state != ServiceState::Ok {
        bad.push((
            verdict.total.state,
            format!("total {} ({})", text::seconds(report.total), verdict.total.breaches.join(", ")),
        ));
    }
    let mut good = Vec::new();
    for ((phase, record), judgement) in report.plan.phases.iter().zip(&report.records).zip(&verdict.phases) {
        match &record.outcome {
            Outcome::NotRun(_) => {}
            Outcome::Ok if judgement.state == ServiceState::Ok => good.extend(brief(phase, record)),
            // A phase that the user takes for OK although it failed is told, but behind what is bad.
            _ if judgement.state == ServiceState::Ok && phase.operation == Operation::Logout => {}
            _ => bad.push((judgement.state, format!("{} {}", phase.operation.title(), happened(record, judgement)))),
        }
    }
    // Stable: among equals the plan's order stays, the total stands behind the phases that explain it.
    bad.sort_by_key(|(state, what)| (std::cmp::Reverse(*state), what.starts_with("total ")));
    let mut parts: Vec<String> = bad.into_iter().map(|(_, what)| what).chain(good).collect();
    if !options.verify && options.tls != crate::options::TlsMode::None {
        parts.push("certificate not verified".to_owned());
    }
    bounded(&format!("{}: {}", options.host, parts.join(", ")))
}

/// What people want to see when all is well: login and the mailboxes.
fn brief(phase: &Phase, record: &Record) -> Option<String> {
    let name = match &phase.operation {
        Operation::Login => "login".to_owned(),
        Operation::Select(mailbox) => text::clean(mailbox.as_bytes()),
        _ => return None,
    };
    let note = record.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
    Some(format!("{name} {}{note}", text::seconds(record.time?)))
}

/// The outcome in words.
fn happened(record: &Record, judgement: &Judgement) -> String {
    let time = record.time.map(text::seconds).unwrap_or_default();
    match &record.outcome {
        Outcome::Ok if judgement.breaches.is_empty() => time,
        Outcome::Ok => format!("{time} ({})", judgement.breaches.join(", ")),
        Outcome::Failed(reason) | Outcome::Fault(reason) => format!("failed: {reason}"),
        Outcome::TimedOut(Limit::Own(limit)) => format!("timed out after {time} (its limit {})", text::limit(*limit)),
        Outcome::TimedOut(Limit::Total(limit)) => {
            format!("timed out after {time} (total limit {})", text::limit(*limit))
        }
        Outcome::NotRun(why) => format!("not run: {why}"),
    }
}

/// `[OK] login: 0.042 s`
fn phase_line(phase: &Phase, record: &Record, judgement: &Judgement, details: &[String]) -> String {
    let details = if details.is_empty() { String::new() } else { format!(", {}", details.join(", ")) };
    format!("[{}] {}: {}{details}", judgement.state, phase.operation.title(), happened(record, judgement))
}

/// What `-v` adds to a phase.
fn details(phase: &Phase, record: &Record, report: &Report, options: &Options, now: DateTime<Utc>) -> Vec<String> {
    let facts = &report.facts;
    let mut details = Vec::new();
    match &phase.operation {
        Operation::Resolve if !facts.addresses.is_empty() => {
            let addresses: Vec<String> =
                facts.addresses.iter().take(8).map(|address| address.ip().to_string()).collect();
            details.push(addresses.join(" "));
        }
        Operation::Connect => details.extend(facts.peer.map(|peer| format!("{} port {}", peer.ip(), peer.port()))),
        Operation::Tls => {
            details.extend(facts.tls.clone());
            if let (Some(certificate), Some(days)) = (&facts.certificate, cert_days(report, now)) {
                let expiry = certificate.not_after.format("%Y-%m-%d %H:%M UTC");
                let (verb, distance) = if days < 0.0 {
                    ("expired", format!("{:.1} days ago", -days))
                } else {
                    ("expires", format!("in {days:.1} days"))
                };
                details.push(format!(
                    "certificate of {} by {} {verb} {expiry} ({distance})",
                    certificate.subject, certificate.issuer
                ));
            }
            if !options.verify {
                details.push("not verified (--no-verify)".to_owned());
            }
        }
        _ => {}
    }
    details
        .extend(record.messages.map(|messages| format!("{messages} message{}", if messages == 1 { "" } else { "s" })));
    details.extend(record.note.clone());
    details
}

/// What `-vv` adds: limits, trust, addresses that did not answer.
fn decisions(report: &Report, options: &Options) -> Vec<String> {
    let mut lines =
        vec![format!("plan: {} port {}, all within {}", options.host, options.port(), text::limit(report.plan.total))];
    let limits: Vec<String> = report
        .plan
        .phases
        .iter()
        .filter_map(|phase| Some(format!("{} {}", phase.operation.title(), text::limit(phase.limit?))))
        .collect();
    lines.push(format!("limits: {}, others what is left", limits.join(", ")));
    lines.extend(report.facts.trust.iter().map(|trust| format!("trust: {trust}")));
    lines.extend(
        report.facts.refused.iter().map(|(address, why)| format!("address {} did not answer: {why}", address.ip())),
    );
    lines
}

/// At most [`MAX_MESSAGE`] bytes, cut between characters.
fn bounded(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let end = (0..=MAX_MESSAGE).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
    format!("{}...", message.get(..end).unwrap_or_default())
}
