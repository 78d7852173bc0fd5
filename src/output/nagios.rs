//! The Nagios plugin output: the state and its reason in one line with all perfdata, then a line per phase.
//! Line 1 has the only `|`: Icinga 2 and Nagios look for more of them in every line.

use super::perfdata::perfdata;
use crate::options::{MAX_ADDRESSES, Options, TlsMode};
use crate::plan::{Address, Operation, Phase};
use crate::report::judge::{Judgement, Verdict, cert_days};
use crate::report::{Facts, Limit, Outcome, Record, Report};
use crate::text;
use chrono::{DateTime, Utc};
use nagiosplugin::{CheckResult, Resource, ServiceState};
use std::net::SocketAddr;

/// The service's name in line 1.
const NAME: &str = "IMAP";
/// Old NRPE carries 1024 bytes: the message has to be among them.
const MAX_MESSAGE: usize = 900;
/// NRPE carries 64 KB.
const MAX_BYTES: usize = 60_000;

/// The whole output, with a line end.
pub(super) fn render(report: &Report, verdict: &Verdict, options: &Options, now: DateTime<Utc>) -> String {
    let mut resource =
        Resource::new(NAME).with_fixed_state(verdict.state).with_description(summary(report, verdict, options));
    for item in perfdata(report, options, now) {
        resource.push_result(CheckResult::new().with_perf_data(item));
    }
    let (_, mut output) = resource.nagios_result();
    output.push('\n');

    let mut lines = Vec::new();
    if verdict.state != ServiceState::Ok || options.verbosity > 0 {
        lines.extend(phase_lines(report, verdict, options, now));
    }
    if options.verbosity > 1 {
        lines.extend(decisions(report, options));
    }
    lines.extend(report.facts.iter().flat_map(|facts| facts.dialogue.iter().cloned()));
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
pub(super) fn summary(report: &Report, verdict: &Verdict, options: &Options) -> String {
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
            // LOGOUT is nobody's trouble, unless an option makes it one.
            _ if judgement.state == ServiceState::Ok && phase.operation == Operation::Logout => {}
            _ => bad.push((judgement.state, format!("{} {}", phase.title(), happened(record, judgement)))),
        }
    }
    // Stable: among equals the plan's order stays, the total stands behind the phases that explain it.
    bad.sort_by_key(|(state, what)| (std::cmp::Reverse(*state), what.starts_with("total ")));
    let parts: Vec<String> = bad.into_iter().map(|(_, what)| what).chain(good).collect();
    let mut summary = bounded(&format!("{}: {}", options.host, parts.join(", ")));
    // Behind the cut: those must not be lost.
    let found = report.facts.first().map_or(0, |facts| facts.addresses.len());
    if options.every_address && found > MAX_ADDRESSES {
        summary = format!("{summary}, {} more addresses not checked", found - MAX_ADDRESSES);
    }
    if !options.verify && options.tls != TlsMode::None {
        summary += ", certificate not verified";
    }
    summary
}

/// What people want to see when all is well: login and the mailboxes.
fn brief(phase: &Phase, record: &Record) -> Option<String> {
    let name = match &phase.operation {
        Operation::Login => "login".to_owned(),
        Operation::Select(mailbox) => text::clean(mailbox.as_bytes()),
        _ => return None,
    };
    // Of several addresses, which one stands before its login.
    let ip = phase.address.and_then(|address| address.ip).filter(|_| phase.operation == Operation::Login);
    let ip = ip.map_or_else(String::new, |ip| format!("{ip} "));
    let note = record.note.as_ref().filter(|_| phase.operation == Operation::Login);
    let note = note.map_or_else(String::new, |note| format!(" ({note})"));
    Some(format!("{ip}{name} {}{note}", text::seconds(record.time?)))
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

/// A line per phase, `[OK] login: 0.042 s`; of several addresses a line each, `[OK] 192.0.2.1: connect 0.001 s, ...`.
fn phase_lines(report: &Report, verdict: &Verdict, options: &Options, now: DateTime<Utc>) -> Vec<String> {
    let mut lines: Vec<(Option<Address>, ServiceState, String)> = Vec::new();
    for ((phase, record), judgement) in report.plan.phases.iter().zip(&report.records).zip(&verdict.phases) {
        let mut told = happened(record, judgement);
        if options.verbosity > 0 {
            told = [vec![told], details(phase, record, report, options, now)].concat().join(", ");
        }
        let title = phase.operation.title();
        match lines.last_mut() {
            Some((address, state, line)) if address.is_some() && *address == phase.address => {
                *state = (*state).max(judgement.state);
                line.push_str(", ");
                line.push_str(&title);
                line.push(' ');
                line.push_str(&told);
            }
            _ => {
                let ip = phase.address.and_then(|address| address.ip).map(|ip| format!("{ip}: {title} {told}"));
                lines.push((phase.address, judgement.state, ip.unwrap_or_else(|| format!("{title}: {told}"))));
            }
        }
    }
    lines.into_iter().map(|(_, state, line)| format!("[{state}] {line}")).collect()
}

/// What `-v` adds to a phase.
fn details(phase: &Phase, record: &Record, report: &Report, options: &Options, now: DateTime<Utc>) -> Vec<String> {
    let mut details = Vec::new();
    let Some(facts) = report.facts(phase) else { return details };
    match &phase.operation {
        Operation::Resolve if !facts.addresses.is_empty() => {
            let addresses: Vec<String> = facts.addresses.iter().map(|address| address.ip().to_string()).collect();
            details.push(text::shorten(&addresses.join(" ")));
        }
        Operation::Connect => {
            details.extend(facts.peer.map(|peer| format!("{} port {}", peer.ip(), peer.port())));
            details.extend(no_answer(facts));
        }
        Operation::Tls => {
            details.extend(facts.tls.as_ref().map(|tls| format!("{} {}", tls.version, tls.cipher)));
            if let (Some(certificate), Some(days)) = (&facts.certificate, cert_days(Some(facts), now)) {
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

/// The addresses that were tried beside the one that answered.
fn no_answer(facts: &Facts) -> Vec<String> {
    let others = facts.tried.iter().filter(|address| facts.peer.is_some_and(|peer| peer != **address));
    let why = |address: &SocketAddr| {
        facts.refused.iter().find(|(refused, _)| refused == address).map_or("no answer yet", |(_, why)| why.as_str())
    };
    others.map(|address| format!("{} did not answer ({})", address.ip(), why(address))).collect()
}

/// What `-vv` adds: limits, trust, and the time that is in the total and in no phase.
fn decisions(report: &Report, options: &Options) -> Vec<String> {
    let plan = &report.plan;
    let mut lines =
        vec![format!("plan: {} port {}, all within {}", options.host, options.port(), text::limit(plan.total))];
    let limits: Vec<String> = plan
        .phases
        .iter()
        .filter_map(|phase| Some(format!("{} {}", phase.title(), text::limit(phase.limit?))))
        .collect();
    lines.push(format!("limits: {}, others what is left", limits.join(", ")));
    let prepared = report.facts.first().and_then(|facts| facts.prepared);
    lines.extend(prepared.map(|time| format!("before the first phase: {}", text::seconds(time))));
    let trust: Vec<&String> = report.facts.iter().filter_map(|facts| facts.trust.as_ref()).collect();
    lines.extend(trust.first().map(|trust| format!("trust: {trust}")));
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
