//! Lines of a fixed width: columns for state, title and duration, a bar on a common time axis, and behind it text that
//! wraps. Pure: no clock, no terminal.

use std::fmt::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use nagiosplugin::ServiceState;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of `CRITICAL`.
const STATE_WIDTH: usize = 8;
/// Columns of `999.99 ms`.
const DURATION_WIDTH: usize = 9;
/// Columns between two columns.
const GAP: usize = 2;
/// The fewest columns of text behind a bar; if there are fewer, the text stands on lines of its own.
const MIN_TEXT: usize = 20;

/// One line of the picture.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub mark: Mark,
    pub title: String,
    /// From program start, if it was begun.
    pub begun: Option<Duration>,
    pub duration: Option<Duration>,
    /// The text behind the bar.
    pub details: String,
}

/// The first column of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    State(ServiceState),
    NotRun,
    Running,
    /// The heading of a group.
    Heading,
}

/// The width of the picture, and whether it may have colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas {
    /// Columns of a line at most.
    pub width: usize,
    pub has_colour: bool,
}

impl Mark {
    fn word(self) -> String {
        match self {
            Self::State(state) => state.to_string(),
            Self::NotRun => "not run".to_owned(),
            Self::Running => "...".to_owned(),
            Self::Heading => String::new(),
        }
    }

    fn style(self) -> Style {
        let colour = match self {
            Self::State(ServiceState::Ok) => AnsiColor::Green,
            Self::State(ServiceState::Warning) => AnsiColor::Yellow,
            Self::State(ServiceState::Critical) => AnsiColor::Red,
            Self::State(ServiceState::Unknown) => AnsiColor::Magenta,
            Self::Running => AnsiColor::Cyan,
            Self::NotRun => return Style::new().dimmed(),
            Self::Heading => return Style::new().bold(),
        };
        Style::new().fg_color(Some(colour.into()))
    }
}

/// The columns of all rows.
struct Columns {
    title: usize,
    bar: usize,
    /// The column where the text begins; none if the text stands on lines of its own.
    text: Option<usize>,
}

impl Columns {
    fn fit(rows: &[Row], canvas: Canvas) -> Self {
        let longest = rows.iter().map(|row| row.title.width()).max().unwrap_or_default();
        let title = longest.min(canvas.width / 3 + 4);
        let before_bar = STATE_WIDTH + title + DURATION_WIDTH + 3 * GAP;
        let bar = canvas.width.saturating_sub(before_bar).min(canvas.width / 4);
        let text = before_bar + bar + GAP;
        Self { title, bar, text: (text + MIN_TEXT <= canvas.width).then_some(text) }
    }
}

/// The rows as lines; the time axis ends at `end`.
pub(super) fn lay_out(rows: &[Row], end: Duration, canvas: Canvas) -> Vec<String> {
    let columns = Columns::fit(rows, canvas);
    rows.iter().flat_map(|row| lay_out_row(row, end, canvas, &columns)).collect()
}

fn lay_out_row(row: &Row, end: Duration, canvas: Canvas, columns: &Columns) -> Vec<String> {
    let style = row.mark.style();
    if row.mark == Mark::Heading {
        return wrap(&row.title, canvas.width).iter().map(|line| paint(line, style, canvas)).collect();
    }
    let duration = row.duration.map(format_duration).unwrap_or_default();
    let indent = " ".repeat(GAP);
    let below = || {
        let texts = wrap(&row.details, canvas.width.saturating_sub(GAP).max(1));
        texts.into_iter().map(|text| if canvas.width > GAP { indent.clone() + &text } else { text })
    };
    if canvas.width < STATE_WIDTH + columns.title + DURATION_WIDTH + 2 * GAP {
        // Too narrow for columns.
        let head = wrap(&format!("{} {} {duration}", row.mark.word(), row.title), canvas.width);
        return head.iter().map(|line| paint(line, style, canvas)).chain(below()).collect();
    }
    let mut line = format!(
        "{}{indent}{}{indent}{duration:>DURATION_WIDTH$}",
        paint(&pad(&row.mark.word(), STATE_WIDTH), style, canvas),
        pad(&cut(&row.title, columns.title), columns.title),
    );
    if columns.bar > 0 {
        let _ = write!(line, "{indent}{}", paint(&draw_bar(row, end, columns.bar), style, canvas));
    }
    let Some(column) = columns.text else {
        return [line.trim_end().to_owned()].into_iter().chain(below()).collect();
    };
    let mut texts = wrap(&row.details, canvas.width - column).into_iter();
    if let Some(first) = texts.next() {
        let _ = write!(line, "{indent}{first}");
    }
    let mut lines = vec![line.trim_end().to_owned()];
    lines.extend(texts.map(|text| " ".repeat(column) + &text));
    lines
}

/// A row without a bar.
pub(super) fn lay_out_plain(row: &Row, canvas: Canvas) -> Vec<String> {
    let title = row.title.width();
    let text = STATE_WIDTH + title + DURATION_WIDTH + 3 * GAP;
    // A row without a bar has one gap less.
    let columns = Columns { title, bar: 0, text: (text + MIN_TEXT <= canvas.width).then_some(text) };
    lay_out_row(row, Duration::ZERO, canvas, &columns)
}

/// A table whose first column has titles and whose others have numbers. On a narrow screen each number has a line of its own.
pub(super) fn lay_out_table<const N: usize>(titles: &[String], cells: &[[String; N]], canvas: Canvas) -> Vec<String> {
    let title_width = titles.iter().map(|title| title.width()).max().unwrap_or_default().min(canvas.width / 2);
    let heads = cells.first();
    let rows = titles.iter().zip(cells);
    if title_width + N * (GAP + DURATION_WIDTH) <= canvas.width {
        let lay_out = |(title, cells): (&String, &[String; N])| {
            let mut line = pad(&cut(title, title_width), title_width);
            for cell in cells {
                let _ = write!(line, "{}{cell:>DURATION_WIDTH$}", " ".repeat(GAP));
            }
            line.trim_end().to_owned()
        };
        return rows.map(lay_out).collect();
    }
    let lay_out = |(title, cells): (&String, &[String; N])| {
        let named = heads.into_iter().flatten().zip(cells).filter(|(head, cell)| head != cell && !cell.is_empty());
        let named: Vec<String> = named.map(|(head, cell)| format!("{head} {cell}")).collect();
        let texts = wrap(&named.join(", "), canvas.width.saturating_sub(GAP).max(1));
        let texts: Vec<String> = texts.into_iter().map(|text| " ".repeat(GAP.min(canvas.width / 2)) + &text).collect();
        [wrap(title, canvas.width), texts].concat()
    };
    rows.flat_map(lay_out).collect()
}

/// A bar from the beginning of the phase to its end; at least one column, so that none is overlooked.
fn draw_bar(row: &Row, end: Duration, width: usize) -> String {
    let (Some(begun), Some(duration), 1..) = (row.begun, row.duration, width) else { return " ".repeat(width) };
    let column = |time: Duration| -> usize {
        let share = if end.is_zero() { 0.0 } else { time.as_secs_f64() / end.as_secs_f64() };
        (0..width).rev().find(|column| to_float(*column) <= share * to_float(width)).unwrap_or_default()
    };
    let first = column(begun);
    let behind = (column(begun + duration) + 1).clamp(first + 1, width);
    let sign = if row.mark == Mark::Running { "▒" } else { "█" };
    format!("{}{}{}", " ".repeat(first), sign.repeat(behind - first), " ".repeat(width - behind))
}

fn to_float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

/// In the unit that fits: `0.31 ms`, `2.00 s`.
pub(super) fn format_duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}

/// In colour, if the canvas has any.
pub(super) fn paint(text: &str, style: Style, canvas: Canvas) -> String {
    if canvas.has_colour && !text.trim().is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Not bold: many terminals show that as a lighter colour, and light yellow on white cannot be read.
pub(super) fn state_style(state: ServiceState) -> Style {
    Mark::State(state).style()
}

/// Lines of at most so many columns, broken between words; a longer word is broken inside.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let gap = usize::from(!line.is_empty());
        if line.width() + gap + word.width() <= width {
            line.extend([" "; 1].iter().take(gap).copied());
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if line.width() + c.width().unwrap_or_default() > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines
}

/// At most so many columns, cut between characters; a cut is shown by `…`.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if short.width() + c.width().unwrap_or_default() + 1 > width {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(title: &str, begun: u64, milliseconds: u64, details: &str) -> Row {
        Row {
            mark: Mark::State(ServiceState::Ok),
            title: title.to_owned(),
            begun: Some(Duration::from_millis(begun)),
            duration: Some(Duration::from_millis(milliseconds)),
            details: details.to_owned(),
        }
    }

    #[test]
    fn no_line_is_wider_than_the_canvas_and_nothing_is_lost() {
        let rows = [
            row("login", 0, 500, ""),
            row(
                "select 台北/日本語/Entwürfe/e\u{301}e\u{301}",
                500,
                400,
                "a long text of the server that has to be wrapped",
            ),
            row("logout", 900, 100, "x"),
        ];
        for width in [1, 10, 25, 39, 40, 59, 60, 80, 100, 200] {
            let canvas = Canvas { width, has_colour: false };
            let lines = lay_out(&rows, Duration::from_secs(1), canvas);
            for line in &lines {
                // A wide character needs two columns.
                assert!(line.width() <= width.max(2), "{width}: {line:?}");
            }
            let all = lines.concat();
            for word in ["wrapped", "server"] {
                assert!(all.replace(' ', "").contains(word), "{width}: {lines:#?}");
            }
        }
    }

    #[test]
    fn bars_stand_on_a_common_axis() {
        let rows = [row("a", 0, 500, "one"), row("b", 500, 250, "two"), row("c", 750, 0, "three")];
        let lines = lay_out(&rows, Duration::from_secs(1), Canvas { width: 80, has_colour: false });
        let bars: Vec<(usize, usize)> = lines
            .iter()
            .map(|line| {
                let columns: Vec<usize> =
                    line.chars().enumerate().filter(|(_, c)| *c == '█').map(|(column, _)| column).collect();
                (columns[0], columns.len())
            })
            .collect();
        assert_eq!(bars[0].0 + bars[0].1 - 1, bars[1].0);
        assert!(bars[0].1 > bars[1].1 && bars[1].1 > bars[2].1 && bars[2].1 == 1, "{lines:#?}");
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (microseconds, text) in
            [(310, "0.31 ms"), (42_000, "42.00 ms"), (999_990, "999.99 ms"), (2_000_000, "2.00 s")]
        {
            assert_eq!(format_duration(Duration::from_micros(microseconds)), text);
        }
    }
}
