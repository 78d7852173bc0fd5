//! For a person at a terminal: a line per phase with its duration and a bar on a common time axis, behind it what `-v`
//! reports, and the summary last.

mod layout;
pub mod live;

use std::time::Duration;

use super::nagios::summarize;
use super::words::{describe_breaches, list_details};
use super::{Format, Settings, Terminal};
use crate::report::judge::{Judged, JudgedPhase};
use crate::report::{Limit, Outcome};
use crate::text;
use layout::{Canvas, Mark, Row, lay_out, paint, state_style, wrap};

/// For people.
pub static TIMELINE: Format = Format {
    name: "timeline",
    help: "for a person at a terminal: a line and a bar per phase",
    is_whole_or_nothing: false,
    draws: true,
    render,
};

/// Columns where there is no terminal.
pub const PLAIN_WIDTH: usize = 100;

fn render(judged: &Judged<'_>, settings: &Settings) -> String {
    // Its size may have changed since the run began.
    let terminal = settings.terminal.and_then(|_| Terminal::find());
    let canvas = Canvas {
        width: terminal.map_or(PLAIN_WIDTH, |terminal| terminal.width),
        has_colour: terminal.is_some_and(|terminal| terminal.has_colour),
    };
    let mut lines = draw(judged, &[], judged.report.duration, canvas);
    lines.extend(draw_summary(judged, settings, canvas));
    lines.extend(judged.report.facts.iter().flat_map(|facts| facts.dialogue.iter().cloned()));
    lines.join("\n") + "\n"
}

/// The phases that have ended and those that run, on an axis up to now.
fn draw(judged: &Judged<'_>, running: &[Row], now: Duration, canvas: Canvas) -> Vec<String> {
    let mut rows = Vec::new();
    let mut group = None;
    for phase in &judged.phases {
        let address = phase.report.phase.address;
        if address != group
            && let Some(ip) = address.and_then(|address| address.ip)
        {
            rows.push(Row {
                mark: Mark::Heading,
                title: ip.to_string(),
                begun: None,
                duration: None,
                details: String::new(),
            });
        }
        group = address;
        rows.push(make_row(phase, judged));
    }
    rows.extend_from_slice(running);
    let ends = rows.iter().filter_map(|row| Some(row.begun? + row.duration?));
    let end = ends.max().unwrap_or_default().max(now);
    lay_out(&rows, end, canvas)
}

fn make_row(phase: &JudgedPhase<'_>, judged: &Judged<'_>) -> Row {
    let report = phase.report;
    let mark = match report.outcome {
        Outcome::NotRun(_) => Mark::NotRun,
        _ => Mark::State(phase.verdict.state),
    };
    let mut parts = match &report.outcome {
        Outcome::Ok if phase.verdict.breaches.is_empty() => Vec::new(),
        // The duration has a column of its own.
        Outcome::Ok => vec![describe_breaches(&phase.verdict.breaches).join(", ")],
        Outcome::TimedOut(Limit::Own(limit)) => vec![format!("timed out (its limit {})", text::format_limit(*limit))],
        Outcome::TimedOut(Limit::Total(limit)) => {
            vec![format!("timed out (total limit {})", text::format_limit(*limit))]
        }
        Outcome::Failed(reason) | Outcome::Fault(reason) => vec![format!("failed: {}", reason.what)],
        Outcome::NotRun(cause) => vec![cause.why.clone()],
    };
    parts.extend(list_details(phase, judged));
    Row { mark, title: report.phase.title(), begun: report.begun, duration: report.time, details: parts.join(", ") }
}

/// The summary in the state's colour, and each hint on a line of its own.
fn draw_summary(judged: &Judged<'_>, settings: &Settings, canvas: Canvas) -> Vec<String> {
    let state = judged.state.to_string();
    let indent = " ".repeat(2);
    let lines = wrap(&format!("{state} {}", summarize(judged, settings)), canvas.width.saturating_sub(indent.len()));
    let mut lines: Vec<String> = lines
        .into_iter()
        .enumerate()
        .map(|(number, line)| {
            let line = paint(&line, state_style(judged.state), canvas);
            if number == 0 { line } else { indent.clone() + &line }
        })
        .collect();
    let mut hints: Vec<&str> = judged.phases.iter().filter_map(|phase| phase.report.hint()).collect();
    hints.dedup();
    for hint in hints {
        let wrapped = wrap(&format!("hint: {hint}"), canvas.width.saturating_sub(indent.len()));
        lines.extend(wrapped.into_iter().map(|line| indent.clone() + &line));
    }
    lines.insert(0, String::new());
    lines
}
