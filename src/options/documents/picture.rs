//! The picture in README: a recorded run of the timeline as SVG, in the colours that the terminal showed. It has a light and
//! a dark form, no script and no font of its own, so that it is shown wherever a Markdown page shows pictures.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// What a terminal got, colours included, below the command line. `make picture` records it.
static RECORDING: &str = include_str!("../../../docs/timeline.ansi");

/// In pixels. Most monospaced characters are 0.6 times as wide as the font is high.
const FONT_SIZE: usize = 15;
const CELL: usize = 9;
const LINE: usize = 21;
const MARGIN: usize = 18;
/// From the top of a line to the feet of its letters.
const ASCENT: usize = 15;
const BAR: char = '█';

const STYLE: &str = "
text { white-space: pre; fill: #1f2328 }
.ground { fill: #ffffff; stroke: #d1d9e0 }
.bold { font-weight: bold }
.dim { fill: #6e7781 }
.green { fill: #1a7f37 }
.yellow { fill: #9a6700 }
.red { fill: #cf222e }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.ground { fill: #0d1117; stroke: #3d444d }
.dim { fill: #8b949e }
.green { fill: #3fb950 }
.yellow { fill: #d29922 }
.red { fill: #f85149 }
}
";

/// A part of a line in one style.
struct Span {
    column: usize,
    text: String,
    /// Classes of the style sheet.
    classes: String,
}

pub(super) fn generate() -> String {
    draw(RECORDING)
}

fn draw(recording: &str) -> String {
    let lines: Vec<Vec<Span>> = recording.lines().map(read_line).collect();
    let ends = lines.iter().flatten().map(|span| span.column + span.text.width());
    let width = ends.max().unwrap_or_default() * CELL + 2 * MARGIN;
    let height = lines.len() * LINE + 2 * MARGIN;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"{FONT_SIZE}\">\n\
         <title>A run with -o timeline</title>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        width - 1,
        height - 1
    );
    for (number, line) in lines.iter().enumerate() {
        for span in line {
            draw_span(span, MARGIN + number * LINE, &mut picture);
        }
    }
    picture + "</svg>\n"
}

/// A bar is a rectangle. A text is stretched to its columns, whichever font the reader has.
fn draw_span(span: &Span, top: usize, picture: &mut String) {
    let (x, width) = (MARGIN + span.column * CELL, span.text.width() * CELL);
    let class = if span.classes.is_empty() { String::new() } else { format!(" class=\"{}\"", span.classes) };
    let _ = if span.text.starts_with(BAR) {
        let (y, height) = (top + 3, LINE - 6);
        writeln!(picture, "<rect{class} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>")
    } else {
        let (y, text) = (top + ASCENT, escape(&span.text));
        writeln!(picture, "<text{class} x=\"{x}\" y=\"{y}\" textLength=\"{width}\">{text}</text>")
    };
}

/// The parts between gaps, each in its column.
fn read_line(line: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut column = 0;
    let mut classes = String::new();
    for (number, part) in line.split('\x1b').enumerate() {
        let text = match part.split_once('m') {
            Some((code, text)) if number > 0 => {
                classes = add_style(&classes, code);
                text
            }
            _ => part,
        };
        for piece in split_at_gaps(text) {
            if !piece.trim().is_empty() {
                spans.push(Span { column, text: piece.to_owned(), classes: classes.clone() });
            }
            column += piece.width();
        }
    }
    spans
}

/// The style behind a sequence such as `[32` (ECMA-48 section 8.3.117).
fn add_style(classes: &str, code: &str) -> String {
    let class = match code {
        "[1" => "bold",
        "[2" => "dim",
        "[31" => "red",
        "[32" => "green",
        "[33" => "yellow",
        _ => return String::new(),
    };
    if classes.is_empty() { class.to_owned() } else { format!("{classes} {class}") }
}

/// Bars, gaps, and the texts between them. A single blank inside a text is no gap.
fn split_at_gaps(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let bar = rest.find(|c| c != BAR).unwrap_or(rest.len());
        let gap = rest.find(|c| c != ' ').unwrap_or(rest.len());
        let length = match (bar, gap) {
            (0, 0) => [rest.find("  "), rest.find(BAR)].into_iter().flatten().min().unwrap_or(rest.len()),
            (bar, gap) => bar.max(gap),
        };
        let (piece, behind) = rest.split_at(length);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_into_texts_and_bars_in_their_columns() {
        let line = "\x1b[32mOK      \x1b[0m  select Entwürfe     0.31 ms  \x1b[32m   ██ \x1b[0m  4 messages";
        let spans: Vec<(usize, String, String)> =
            read_line(line).into_iter().map(|span| (span.column, span.text, span.classes)).collect();
        let span = |column, text: &str, classes: &str| (column, text.to_owned(), classes.to_owned());
        assert_eq!(
            spans,
            [
                span(0, "OK", "green"),
                span(10, "select Entwürfe", ""),
                span(30, "0.31 ms", ""),
                span(42, "██", "green"),
                span(47, "4 messages", "")
            ]
        );
    }

    #[test]
    fn styles_add_up_until_they_end() {
        let spans = read_line("\x1b[1m\x1b[33mWARNING\x1b[0m of < & >");
        let shown: Vec<(&str, &str)> = spans.iter().map(|span| (span.classes.as_str(), span.text.as_str())).collect();
        assert_eq!(shown, [("bold yellow", "WARNING"), ("", "of < & >")]);
        let picture = draw("\x1b[2mnot run\x1b[0m  a<b");
        assert!(
            picture.contains("<text class=\"dim\" x=\"18\" y=\"33\" textLength=\"63\">not run</text>"),
            "{picture}"
        );
        assert!(picture.contains("<text x=\"99\" y=\"33\" textLength=\"27\">a&lt;b</text>"), "{picture}");
    }
}
