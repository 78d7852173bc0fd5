//! The outcome of a phase in words: the same in every format that is read by people.

use nagiosplugin::ServiceState;

use super::Settings;
use crate::facts::Facts;
use crate::operation::{Figure, Part, Value, advise_on_silence};
use crate::plan::range::Range;
use crate::remark::Remark;
use crate::report::judge::{Breach, Judged, JudgedPhase};
use crate::report::{Limit, Outcome, Report, describe_last_words};
use crate::text;

/// Where advice for the administrator stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hints {
    /// In brackets behind the reason.
    Inside,
    /// On lines of their own.
    Apart,
}

/// The outcome in words.
pub(super) fn describe_outcome(phase: &JudgedPhase<'_>, judged: &Judged<'_>, hints: Hints) -> String {
    let time = phase.report.time.map(text::format_seconds).unwrap_or_default();
    match &phase.report.outcome {
        Outcome::Ok if phase.verdict.is_plain() => time,
        Outcome::Ok => format!("{time} ({})", describe_reasons(phase, judged).join(", ")),
        Outcome::Failed(reason) | Outcome::Fault(reason) => match hints {
            Hints::Inside => format!("failed: {reason}"),
            Hints::Apart => format!("failed: {}", reason.what),
        },
        Outcome::TimedOut(limit) => {
            let mut parts = vec![format!("timed out after {time} ({})", describe_limit(*limit))];
            parts.extend(describe_silence(phase, judged, hints));
            parts.join(", ")
        }
        Outcome::NotRun(cause) => format!("not run: {}", cause.why),
    }
}

/// `its limit 2 s`
pub(super) fn describe_limit(limit: Limit) -> String {
    match limit {
        Limit::Own(limit) => format!("its limit {}", text::format_limit(limit)),
        Limit::Total(limit) => format!("total limit {}", text::format_limit(limit)),
    }
}

/// What gave a phase that is ok its state, in words.
pub(super) fn describe_reasons(phase: &JudgedPhase<'_>, judged: &Judged<'_>) -> Vec<String> {
    let mut reasons = describe_breaches(phase, judged);
    reasons.extend(phase.verdict.remarks.iter().map(ToString::to_string));
    reasons
}

/// The server's last line in a phase that a limit ended, or that there was none.
pub(super) fn describe_silence(phase: &JudgedPhase<'_>, judged: &Judged<'_>, hints: Hints) -> Option<String> {
    let words = phase.report.last_words.as_deref().map(describe_last_words);
    words.or_else(|| {
        let hint = find_hint(phase, judged)?;
        Some(match hints {
            Hints::Inside => format!("the server sent nothing ({hint})"),
            Hints::Apart => "the server sent nothing".to_owned(),
        })
    })
}

/// Advice for the administrator about a phase that failed, or that a limit ended while the server was silent.
pub(super) fn find_hint<'a>(phase: &JudgedPhase<'a>, judged: &Judged<'a>) -> Option<&'a str> {
    match &phase.report.outcome {
        Outcome::Failed(reason) | Outcome::Fault(reason) => reason.hint.as_deref(),
        Outcome::TimedOut(_) => {
            let planned = &phase.report.phase;
            advise_on_silence(planned.operation, judged.report.find_facts(planned)?)
        }
        Outcome::Ok | Outcome::NotRun(_) => None,
    }
}

/// Each crossed threshold of a phase in words: `5 messages, warning above 3`.
pub(super) fn describe_breaches(phase: &JudgedPhase<'_>, judged: &Judged<'_>) -> Vec<String> {
    let describe = |figure: &Figure, value| describe_figure(phase, judged, figure, value);
    phase.verdict.breaches.iter().map(|breach| describe_breach(breach, &describe)).collect()
}

/// Each crossed threshold of the run's duration in words.
pub(super) fn describe_breaches_of_total(judged: &Judged<'_>) -> Vec<String> {
    let describe = |figure: &Figure, value| (figure.describe)(value);
    judged.total.breaches.iter().map(|breach| describe_breach(breach, &describe)).collect()
}

fn describe_breach(breach: &Breach<'_>, describe: &dyn Fn(&Figure, f64) -> String) -> String {
    let level = if breach.state == ServiceState::Critical { "critical" } else { "warning" };
    let explain = |range: &Range, value| range.explain_breach(value).unwrap_or_default();
    match (breach.figure, breach.value) {
        (Some(figure), Some(Value::Known(value))) => {
            let range = explain(breach.range, value);
            let what = format!("{}, {level} {range}{}", describe(figure, value), figure.unit.show_suffix());
            match breach.range.suggest_start().filter(|_| figure.unit.is_worse_with_less()) {
                Some(right) => format!("{what}, write {right} for an alarm below it"),
                None => what,
            }
        }
        (None, Some(Value::Known(value))) => format!("{level} {} s", explain(breach.range, value)),
        (_, Some(Value::Missing(why))) => format!("{why}, {level}"),
        (Some(figure), _) => format!("the server sent no {}, {level}", figure.absent),
        (None, _) => level.to_owned(),
    }
}

/// The figures that are known, each in words; those that crossed a threshold are described with it.
pub(super) fn describe_figures(phase: &JudgedPhase<'_>, judged: &Judged<'_>) -> Vec<String> {
    let is_breach = |name| phase.verdict.breaches.iter().any(|breach| breach.figure.is_some_and(|of| of.name == name));
    let figures = phase.report.phase.operation.figures.iter().filter(|figure| !is_breach(figure.name));
    let describe = |figure, value| describe_figure(phase, judged, figure, value);
    figures.filter_map(|figure| Some(describe(figure, phase.report.find_shown_value(figure, judged.now)?))).collect()
}

fn describe_figure(phase: &JudgedPhase<'_>, judged: &Judged<'_>, figure: &Figure, value: f64) -> String {
    let planned = &phase.report.phase;
    match (planned.operation.part, judged.report.find_facts(planned)) {
        (Part::SetUp { describe_figure, .. }, Some(facts)) => describe_figure(facts, figure, value),
        _ => (figure.describe)(value),
    }
}

/// Whether a text of ours has this alert in it: as a remark, or behind its code in a line of the server.
pub(super) fn says_alert(text: &str, alert: &str) -> bool {
    // A line of the server is shortened with its code in front.
    let alert: String = alert.chars().take(150).collect();
    text.contains(&format!("] {alert}")) || text.contains(&Remark::Alert(alert).to_string())
}

/// The details that `-v` adds to a phase.
pub(super) fn list_details(phase: &JudgedPhase<'_>, judged: &Judged<'_>) -> Vec<String> {
    let planned = &phase.report.phase;
    let mut details = match (planned.operation.part, judged.report.find_facts(planned)) {
        (Part::SetUp { describe, .. }, Some(facts)) => describe(facts, judged.now),
        (Part::SetUp { .. }, None) => Vec::new(),
        (Part::Task { .. } | Part::End, _) => describe_figures(phase, judged),
    };
    // The reason of a crossed threshold is not said twice.
    let is_said = |note: &str| {
        phase.verdict.breaches.iter().any(|breach| matches!(breach.value, Some(Value::Missing(why)) if why == note))
    };
    details.extend(phase.report.notes.iter().filter(|note| !is_said(note)).cloned());
    let outcome = describe_outcome(phase, judged, Hints::Inside);
    let is_in_outcome = |remark: &&Remark| match remark {
        Remark::Alert(text) => says_alert(&outcome, text),
        // It may be the last line of a phase that failed.
        Remark::Warning(text) if !phase.report.is_ok() => outcome.contains(text.as_str()),
        _ => phase.report.is_ok() && phase.verdict.remarks.contains(remark),
    };
    let remarks = phase.report.remarks.iter().filter(|remark| !is_in_outcome(remark));
    details.extend(remarks.map(ToString::to_string));
    details
}

/// The lines of the dialogue that `-vvv` adds; of several addresses each with its own in front.
pub(super) fn list_dialogue(report: &Report, settings: &Settings) -> Vec<String> {
    let list = |facts: &Facts| -> Vec<String> {
        let peer = facts.peer.filter(|_| settings.every_address).map(|peer| format!("{} ", peer.ip()));
        facts.dialogue.iter().map(|line| format!("{}{line}", peer.as_deref().unwrap_or_default())).collect()
    };
    report.facts.iter().flat_map(list).collect()
}
