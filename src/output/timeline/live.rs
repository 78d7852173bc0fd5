//! The picture while the run goes on: redrawn in place ten times a second. It is a second reader of the workers' events, with
//! a [`Course`] of its own; the supervisor knows nothing of it.

use std::io::{Write, stdout};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use unicode_width::UnicodeWidthStr;

use super::draw;
use super::layout::{Canvas, Mark, Row};
use crate::output::Terminal;
use crate::plan::Plan;
use crate::report::judge::judge;
use crate::report::{Report, round_time};
use crate::run::course::Course;
use crate::run::event::{Effect, Event, Input};
use crate::run::worker::{Job, Observer};
use crate::text;

/// The time between two pictures.
const INTERVAL: Duration = Duration::from_millis(100);
/// The time that the terminal is given to take the last picture away.
const PATIENCE: Duration = Duration::from_millis(200);

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// A picture that is being drawn.
pub struct LiveView(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// In the order of their addresses.
    runs: Vec<Watched>,
    /// No further picture is wanted.
    is_ending: bool,
    /// The last picture is taken away.
    has_ended: bool,
}

/// A run against one address.
struct Watched {
    plan: Arc<Plan>,
    course: Course,
    /// The first phase of the worker that counts.
    from: usize,
    /// Since when a fresh connection is being set up.
    reconnecting: Option<Instant>,
}

impl LiveView {
    /// Begins to draw. `start` is the start of the program.
    #[must_use]
    pub fn begin(start: Instant) -> (Self, Observer) {
        let shared = Arc::new(Shared::default());
        let (drawing, watching) = (Arc::clone(&shared), Arc::clone(&shared));
        if thread::Builder::new().spawn(move || drawing.draw_until_the_end(start)).is_err() {
            // Without a thread there is no picture, and the run goes on.
            shared.lock().has_ended = true;
        }
        let observer: Observer = Arc::new(move |job, event| watching.lock().take(job, event.clone(), start));
        (Self(shared), observer)
    }

    /// Takes the picture away, so that the final one can be printed in its place.
    pub fn end(self) {
        let mut state = self.0.lock();
        state.is_ending = true;
        self.0.changed.notify_all();
        let end = Instant::now() + PATIENCE;
        while !state.has_ended && Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw_until_the_end(&self, start: Instant) {
        let mut drawn: Vec<String> = Vec::new();
        let mut state = self.lock();
        loop {
            let waited = self.changed.wait_timeout_while(state, INTERVAL, |state| !state.is_ending);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let Some(terminal) = Terminal::find() else { break };
            if state.is_ending {
                erase(&drawn, terminal);
                break;
            }
            let mut lines = state.draw(start, terminal);
            // The rest has scrolled away and cannot be drawn over.
            let hidden = lines.len().saturating_sub(terminal.height.saturating_sub(1));
            lines.drain(..hidden);
            drop(state);
            redraw(&drawn, &lines, terminal);
            drawn = lines;
            state = self.lock();
        }
        state.has_ended = true;
        self.changed.notify_all();
    }
}

impl State {
    /// Takes what a worker reports.
    fn take(&mut self, job: &Job, event: Event, start: Instant) {
        let place = self.runs.iter().position(|run| Arc::ptr_eq(&run.plan, &job.plan)).unwrap_or_else(|| {
            let course = Course::new(Arc::clone(&job.plan), start);
            self.runs.push(Watched { plan: Arc::clone(&job.plan), course, from: 0, reconnecting: None });
            self.runs.len() - 1
        });
        if let Some(run) = self.runs.get_mut(place) {
            run.take(job, event);
        }
    }

    fn draw(&mut self, start: Instant, terminal: Terminal) -> Vec<String> {
        let now = Instant::now();
        let canvas = Canvas { width: terminal.width, has_colour: terminal.has_colour };
        self.runs
            .sort_by_key(|run| run.plan.phases.first().and_then(|phase| phase.address).map(|address| address.number));
        let mut lines = Vec::new();
        for run in &mut self.runs {
            run.pass_deadline(now);
            lines.extend(run.draw(now, start, canvas));
        }
        lines
    }
}

impl Watched {
    fn take(&mut self, job: &Job, event: Event) {
        self.pass_deadline(Instant::now());
        if self.course.awaited_phase() == Some(job.from) {
            self.from = job.from;
        }
        // An abandoned worker still reports.
        if self.from == job.from {
            self.course.take(Input::Event(event), Instant::now());
        }
        self.note_reconnecting(Instant::now());
    }

    fn pass_deadline(&mut self, now: Instant) {
        if now > self.course.find_deadline().0
            && let Effect::Reconnect { from, .. } = self.course.take(Input::Deadline(None), now)
        {
            self.from = from;
        }
        self.note_reconnecting(now);
    }

    fn note_reconnecting(&mut self, now: Instant) {
        self.reconnecting = self.course.awaited_phase().map(|_| self.reconnecting.unwrap_or(now));
    }

    fn draw(&self, now: Instant, start: Instant, canvas: Canvas) -> Vec<String> {
        let report: Report = self.course.report_so_far(now);
        let elapsed = round_time(now.saturating_duration_since(start));
        let make_row = |title, since: Instant, limit| Row {
            mark: Mark::Running,
            title,
            begun: Some(round_time(since.saturating_duration_since(start))),
            duration: Some(round_time(now.saturating_duration_since(since))),
            details: format!("limit {}", text::format_limit(limit)),
        };
        let phase = self.course.running_phase();
        let phase = phase.map(|(phase, since)| make_row(phase.make_title(), since, phase.shown_limit));
        // It is no phase of the plan, and is not in the report.
        let connection = self.reconnecting.map(|since| make_row("reconnect".to_owned(), since, self.plan.total));
        let running: Vec<Row> = phase.into_iter().chain(connection).collect();
        draw(&judge(&report, Utc::now()), &running, elapsed, canvas)
    }
}

/// Draws in place of the last picture, then shows the cursor: a program that is stopped or killed leaves it as it is.
fn redraw(drawn: &[String], lines: &[String], terminal: Terminal) {
    let mut picture = HIDE_CURSOR.to_owned() + &move_up(drawn, terminal);
    for line in lines {
        // Behind a line that fills the whole width it would take the last character away.
        picture.extend([CLEAR_LINE, line, "\n"]);
    }
    print(&(picture + CLEAR_BELOW + SHOW_CURSOR));
}

fn erase(drawn: &[String], terminal: Terminal) {
    print(&(move_up(drawn, terminal) + CLEAR_BELOW));
}

/// To the beginning of the last picture. A terminal that has become narrower has broken its lines.
fn move_up(drawn: &[String], terminal: Terminal) -> String {
    let rows: usize = drawn.iter().map(|line| count_columns(line).div_ceil(terminal.width.max(1)).max(1)).sum();
    if rows == 0 { String::new() } else { format!("\r\x1b[{rows}A") }
}

/// Without the colours.
fn count_columns(line: &str) -> usize {
    let parts = line.split('\x1b').enumerate();
    parts
        .map(|(number, part)| {
            if number == 0 { part } else { part.split_once('m').map_or("", |(_, text)| text) }.width()
        })
        .sum()
}

fn print(picture: &str) {
    // A terminal that is gone wants no picture.
    let _ = stdout().write_all(picture.as_bytes()).and_then(|()| stdout().flush());
}
