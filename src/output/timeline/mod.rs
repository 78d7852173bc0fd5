//! For a person at a terminal: a line per phase with its duration and a bar on a common time axis, behind it what `-v`
//! reports, and the summary last.

mod layout;
pub mod live;

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::summary::summarize;
use super::tally::{Spread, Tally};
use super::words::{Hints, describe_limit, describe_reasons, describe_silence, find_hint, list_details, list_dialogue};
use super::{Format, Repeated, Settings, Terminal};
use crate::report::Outcome;
use crate::report::judge::{Judged, JudgedPhase};
use layout::{Canvas, Mark, Row, format_duration, lay_out, lay_out_plain, lay_out_table, paint, state_style, wrap};

/// For people.
pub static TIMELINE: Format = Format {
    name: "timeline",
    help: "for a person at a terminal: a line and a bar per phase",
    is_whole_or_nothing: false,
    has_check_label: false,
    draws: true,
    render,
    repeated: Some(Repeated { line: draw_run, table: draw_tally }),
};

/// The width if there is no terminal.
pub const PLAIN_WIDTH: usize = 100;

fn render(judged: &Judged<'_>, settings: &Settings) -> String {
    let canvas = find_canvas(settings);
    let mut lines = draw(judged, &[], judged.report.duration, canvas);
    lines.extend(draw_summary(judged, settings, canvas));
    let dialogue = list_dialogue(judged.report, settings);
    lines.extend(dialogue.iter().flat_map(|line| wrap_indented(line, canvas)));
    lines.join("\n") + "\n"
}

/// The terminal's size may have changed since the run began.
fn find_canvas(settings: &Settings) -> Canvas {
    let terminal = settings.terminal.and_then(|_| Terminal::find());
    Canvas {
        width: terminal.map_or(PLAIN_WIDTH, |terminal| terminal.width),
        has_colour: terminal.is_some_and(|terminal| terminal.has_colour),
    }
}

/// One of many runs: when it ended, its state, its duration, its summary.
fn draw_run(judged: &Judged<'_>, settings: &Settings) -> String {
    let canvas = find_canvas(settings);
    let row = Row {
        mark: Mark::State(judged.state),
        title: judged.now.format("%H:%M:%S UTC").to_string(),
        begun: None,
        duration: Some(judged.report.duration),
        details: summarize(judged, settings, Hints::Inside),
    };
    lay_out_plain(&row, canvas).join("\n") + "\n"
}

fn draw_tally(tally: &Tally, settings: &Settings) -> String {
    let canvas = find_canvas(settings);
    let runs = if tally.runs == 1 { "1 run".to_owned() } else { format!("{} runs", tally.runs) };
    let mut cells = vec![["failed", "minimum", "median", "95 %", "maximum"].map(str::to_owned)];
    let mut titles = vec![runs];
    for row in &tally.rows {
        let spread = row.spread();
        let show =
            |pick: fn(Spread) -> Duration| spread.map(|spread| format_duration(pick(spread))).unwrap_or_default();
        titles.push(row.title.clone());
        cells.push([
            row.failures.to_string(),
            show(|spread| spread.minimum),
            show(|spread| spread.median),
            show(|spread| spread.percentile_95),
            show(|spread| spread.maximum),
        ]);
    }
    "\n".to_owned() + &lay_out_table(&titles, &cells, canvas).join("\n") + "\n"
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
        Outcome::Ok if phase.verdict.is_plain() => Vec::new(),
        // The duration has a column of its own.
        Outcome::Ok => describe_reasons(phase, judged),
        Outcome::TimedOut(limit) => vec![format!("timed out ({})", describe_limit(*limit))],
        Outcome::Failed(reason) | Outcome::Fault(reason) => vec![format!("failed: {}", reason.what)],
        Outcome::NotRun(cause) => vec![cause.why.clone()],
    };
    if matches!(report.outcome, Outcome::TimedOut(_)) {
        parts.extend(describe_silence(phase, judged, Hints::Apart));
    }
    parts.extend(list_details(phase, judged));
    Row {
        mark,
        title: report.phase.make_title(),
        begun: report.begun,
        duration: report.time,
        details: parts.join(", "),
    }
}

/// The summary in the state's colour, and each hint on a line of its own.
fn draw_summary(judged: &Judged<'_>, settings: &Settings, canvas: Canvas) -> Vec<String> {
    let state = judged.state.to_string();
    let indent = " ".repeat(2);
    let summary = summarize(judged, settings, Hints::Apart);
    let lines = wrap(&format!("{state} {summary}"), canvas.width.saturating_sub(indent.len()));
    let mut lines: Vec<String> = lines
        .into_iter()
        .enumerate()
        .map(|(number, line)| {
            let line = paint(&line, state_style(judged.state), canvas);
            if number == 0 { line } else { indent.clone() + &line }
        })
        .collect();
    let mut hints: Vec<&str> = judged.phases.iter().filter_map(|phase| find_hint(phase, judged)).collect();
    hints.dedup();
    for hint in hints {
        let wrapped = wrap(&format!("hint: {hint}"), canvas.width.saturating_sub(indent.len()));
        lines.extend(wrapped.into_iter().map(|line| indent.clone() + &line));
    }
    lines.insert(0, String::new());
    lines
}

/// A line that fits stays as it is.
fn wrap_indented(line: &str, canvas: Canvas) -> Vec<String> {
    if line.width() <= canvas.width {
        return vec![line.to_owned()];
    }
    let lines = wrap(line, canvas.width.saturating_sub(2)).into_iter().enumerate();
    lines.map(|(number, part)| if number == 0 { part } else { "  ".to_owned() + &part }).collect()
}
