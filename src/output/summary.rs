//! Line 1 in words: the phases that are not OK, the worst first, each with its reason; then those that went well. The same in
//! every format that has a summary.

use nagiosplugin::ServiceState;

use super::Settings;
use super::words::{Hints, describe_breaches_of_total, describe_figures, describe_outcome, says_alert};
use crate::net::TlsMode;
use crate::operation::Summary;
use crate::plan::MAX_ADDRESSES;
use crate::remark::Remark;
use crate::report::judge::{Judged, JudgedPhase};
use crate::report::{Cause, Outcome};
use crate::text;

/// Bytes. Old NRPE carries 1024: the message has to be among them.
pub(super) const MAX_MESSAGE: usize = 900;
/// Operations that failed alike are counted if they are more than this.
const MAX_LISTED: usize = 3;
/// Alerts of a server that are shown, each with at most so many bytes.
const MAX_ALERTS: usize = 3;
const MAX_ALERT: usize = 120;

/// A part of the summary that is not OK.
struct Trouble {
    state: ServiceState,
    /// `select Archive`
    title: String,
    /// `failed: NO no such mailbox`
    what: String,
    /// How it ended, if it is a phase that was run.
    ending: Option<Ending>,
    /// The step of the set-up that it is: with `--every-address` each address has one.
    step: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Failed,
    TimedOut,
    /// It is done, but a threshold or a remark gives it another state than OK.
    Done,
}

/// `imap.example.org: login 0.042 s, INBOX 0.003 s`
pub(super) fn summarize(judged: &Judged<'_>, settings: &Settings, hints: Hints) -> String {
    let mut parts = describe_troubles(&list_troubles(judged, hints), judged);
    // Many operations may have failed: the login's time comes before the place where the line is cut.
    let mut address = None;
    parts.extend(judged.phases.iter().filter_map(|phase| {
        // If there are several addresses, each stands before the first thing that went well there.
        let is_first = address != phase.report.phase.address;
        let part = summarize_ok(phase, judged, is_first)?;
        address = phase.report.phase.address;
        Some(part)
    }));
    let message = format!("{}: {}", settings.host, parts.join(", "));
    let shorten = |tail: &str| cut(&message, MAX_MESSAGE - tail.len());
    // An alert that stands where the line is cut is repeated behind that place.
    let shown = shorten(&describe_tail(judged, settings, &message));
    let tail = describe_tail(judged, settings, &shown);
    shorten(&tail) + &tail
}

fn list_troubles(judged: &Judged<'_>, hints: Hints) -> Vec<Trouble> {
    let report = judged.report;
    let trouble = |state, title: String, what: String| Trouble { state, title, what, ending: None, step: None };
    let mut troubles = Vec::new();
    if let Some(obstacle) = &report.obstacle {
        troubles.push(trouble(ServiceState::Unknown, String::new(), obstacle.clone()));
    }
    let mut unexplained = Vec::new();
    let is_said = |cause: Option<usize>, why: &str| {
        let cause = cause.and_then(|place| report.phases.get(place));
        cause.is_some_and(|cause| cause.describe_ending() == why)
    };
    for phase in &judged.phases {
        let (state, planned) = (phase.verdict.state, &phase.report.phase);
        match &phase.report.outcome {
            // No other line says why: the first one says it for all of them.
            Outcome::NotRun(Cause { why, phase: cause })
                if report.obstacle.is_none() && !unexplained.contains(&why) && !is_said(*cause, why) =>
            {
                unexplained.push(why);
                let title = match count_not_run(judged, why) {
                    ..=MAX_LISTED => planned.make_full_title(),
                    count => format!("{} and {} more", planned.make_full_title(), count - 1),
                };
                troubles.push(trouble(state, title, format!("not run: {why}")));
            }
            Outcome::NotRun(_) => {}
            Outcome::Ok if state == ServiceState::Ok => {}
            // The end of the session is left out, unless an option makes a state of it.
            _ if state == ServiceState::Ok && planned.operation.is_end() => {}
            outcome => {
                let ending = match outcome {
                    Outcome::Ok => Ending::Done,
                    Outcome::TimedOut(_) => Ending::TimedOut,
                    Outcome::Failed(_) | Outcome::Fault(_) | Outcome::NotRun(_) => Ending::Failed,
                };
                troubles.push(Trouble {
                    ending: Some(ending),
                    step: (!planned.operation.is_task()).then_some(planned.operation.name),
                    ..trouble(state, phase.report.make_full_title(), describe_outcome(phase, judged, hints))
                });
            }
        }
    }
    if judged.total.state != ServiceState::Ok {
        let reasons = describe_breaches_of_total(judged).join(", ");
        let what = format!("{} ({reasons})", text::format_seconds(report.duration));
        troubles.push(trouble(judged.total.state, "total".to_owned(), what));
    }
    // The sort is stable: among equals the plan's order stays, and the total stands behind the phases that explain it.
    troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.state));
    troubles
}

/// The operations that were not run for this reason.
fn count_not_run(judged: &Judged<'_>, reason: &str) -> usize {
    let tasks = judged.phases.iter().map(|phase| phase.report).filter(|report| report.phase.operation.is_task());
    tasks.filter(|report| matches!(&report.outcome, Outcome::NotRun(Cause { why, .. }) if why == reason)).count()
}

/// Each trouble once: many that are alike with their number, several with the same reason together.
fn describe_troubles(troubles: &[Trouble], judged: &Judged<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest: Vec<&Trouble> = troubles.iter().collect();
    while let Some(first) = rest.first().copied() {
        let find_kind = |trouble: &Trouble| (trouble.ending, trouble.step, trouble.state);
        let is_alike = |other: &&Trouble| first.ending.is_some() && find_kind(first) == find_kind(other);
        let alike: Vec<&Trouble> = rest.iter().copied().filter(is_alike).collect();
        if alike.len() > MAX_LISTED {
            parts.push(count_alike(&alike, judged));
            rest.retain(|trouble| !is_alike(trouble));
        } else {
            // Of three the same long reason would be said three times.
            let is_same = |other: &&Trouble| is_alike(other) && first.what == other.what;
            let same: Vec<&str> =
                rest.iter().filter(|trouble| is_same(trouble)).map(|trouble| trouble.title.as_str()).collect();
            if let [one, two, three] = same.as_slice() {
                parts.push(format!("{one}, {two} and {three} {}", first.what));
                rest.retain(|trouble| !is_same(trouble));
            } else {
                parts.push(format!("{} {}", first.title, first.what).trim_start().to_owned());
                rest.remove(0);
            }
        }
    }
    parts
}

/// `27 of 40 operations failed: select A: NO no such mailbox, ..., and 24 more`, or `27 of 40 operations are WARNING: ...`, or
/// `16 of 16 addresses failed: 192.0.2.1 connect, ...`
fn count_alike(alike: &[&Trouble], judged: &Judged<'_>) -> String {
    let first = alike.first();
    let verb = match first.and_then(|trouble| Some((trouble.ending?, trouble.state))) {
        Some((Ending::TimedOut, _)) => "timed out".to_owned(),
        Some((Ending::Done, state)) => format!("are {state}"),
        Some((Ending::Failed, _)) | None => "failed".to_owned(),
    };
    let operations = judged.phases.iter().map(|phase| phase.report.phase.operation);
    let (all, noun) = match first.and_then(|trouble| trouble.step) {
        Some(step) => (operations.filter(|operation| operation.name == step).count(), "addresses"),
        None => (operations.filter(|operation| operation.is_task()).count(), "operations"),
    };
    let strip = |what: &str| what.strip_prefix(&verb).unwrap_or(what).trim_start_matches([':', ' ']).to_owned();
    let head = format!("{} of {all} {noun} {verb}", alike.len());
    let mut reasons: Vec<(&Trouble, usize)> = Vec::new();
    for trouble in alike {
        match reasons.iter_mut().find(|(first, _)| first.what == trouble.what) {
            Some((_, count)) => *count += 1,
            None => reasons.push((trouble, 1)),
        }
    }
    if let [(only, count)] = reasons.as_slice() {
        let titles: Vec<&str> = alike.iter().take(MAX_LISTED).map(|trouble| trouble.title.as_str()).collect();
        return format!("{head}: {}, and {} more: {}", titles.join(", "), count - titles.len(), strip(&only.what));
    }
    let listed = reasons.iter().take(MAX_LISTED);
    let left = alike.len() - listed.clone().map(|(_, count)| count).sum::<usize>();
    let describe = |(first, count): &(&Trouble, usize)| match count {
        1 => format!("{}: {}", first.title, strip(&first.what)),
        _ => format!("{} and {} more: {}", first.title, count - 1, strip(&first.what)),
    };
    let mut parts: Vec<String> = listed.map(describe).collect();
    parts.extend((left > 0).then(|| format!("and {left} more")));
    format!("{head}: {}", parts.join(", "))
}

/// The text of a phase that went well, for login and the operations; the set-up is of no interest then.
fn summarize_ok(phase: &JudgedPhase<'_>, judged: &Judged<'_>, has_address: bool) -> Option<String> {
    let report = phase.report;
    if !report.is_ok() || phase.verdict.state != ServiceState::Ok {
        return None;
    }
    let planned = &report.phase;
    let name = match (planned.operation.summary, &planned.target) {
        (Summary::Hidden, _) => return None,
        (Summary::Target, Some(target)) => text::show_value(target),
        (Summary::Target | Summary::Full, _) => planned.make_title(),
    };
    let ip = planned.address.and_then(|address| address.ip).filter(|_| has_address);
    let ip = ip.map_or_else(String::new, |ip| format!("{ip} "));
    let mut parts = vec![format!("{ip}{name} {}", text::format_seconds(report.time?))];
    if planned.operation.summary == Summary::Full {
        parts.extend(describe_figures(phase, judged));
    }
    Some(parts.join(", "))
}

/// Behind the place where the line may be cut: what must not be lost.
fn describe_tail(judged: &Judged<'_>, settings: &Settings, message: &str) -> String {
    let mut parts = Vec::new();
    let mut alerts: Vec<&str> = Vec::new();
    for remark in judged.report.phases.iter().flat_map(|phase| &phase.remarks) {
        if let Remark::Alert(text) = remark
            && !alerts.contains(&text.as_str())
            && !says_alert(message, text)
        {
            alerts.push(text);
        }
    }
    parts.extend(alerts.iter().take(MAX_ALERTS).map(|text| Remark::Alert(cut(text, MAX_ALERT)).to_string()));
    if alerts.len() > MAX_ALERTS {
        let more = alerts.len() - MAX_ALERTS;
        parts.push(format!("{more} more alert{}", if more == 1 { "" } else { "s" }));
    }
    let found = judged.report.facts.first().map_or(0, |facts| facts.addresses.len());
    if settings.every_address && found > MAX_ADDRESSES {
        parts.push(format!("{} more addresses not checked", found - MAX_ADDRESSES));
    }
    if settings.tls_mode != TlsMode::None && !settings.verify {
        parts.push("certificate not verified".to_owned());
    }
    if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) }
}

/// At most so many bytes, cut between characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}
