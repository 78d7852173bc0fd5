//! What must hold for every output, whatever went in. What goes in, each target says.

use std::collections::HashSet;

use chrono::Utc;
use nagiosplugin::ServiceState;

use check_imap_session::options::Options;
use check_imap_session::output;
use check_imap_session::report::Report;
use check_imap_session::report::judge::judge;
use check_imap_session::text::MAX_CHARS;

/// NRPE carries no more.
const MAX_OUTPUT: usize = 65_536;
/// The message stands inside the first 1,000 bytes: old NRPE carries 1,024.
const MAX_MESSAGE: usize = 1_000;

/// Prints a report and asserts that every consumer can read it; the output, for further checks.
pub fn check_report(report: &Report, options: &Options) -> String {
    let judged = judge(report, Utc::now());
    let output = (options.format.render)(&judged, &options.make_output_settings());
    let (first, long_text) = check_lines(&output, judged.state);
    let (_, perfdata) = first.split_once('|').expect("there is perfdata");
    check_perfdata(perfdata);

    let has_lines = options.verbosity > 0 || judged.state != ServiceState::Ok;
    let mut lines = long_text.lines();
    for report in report.phases.iter().filter(|_| has_lines) {
        let line = lines.next().expect("each phase has a line");
        if line.starts_with("(more lines left out") {
            break;
        }
        let (_, line) = line.split_once("] ").expect("a line begins with its state");
        assert!(line.starts_with(&format!("{}: ", report.phase.make_title())), "{line}");
    }
    output
}

/// Asserts that this is refused in one clean line.
pub fn check_refusal(why: &str) {
    let output = output::render_unknown(why);
    let (first, long_text) = check_lines(&output, ServiceState::Unknown);
    assert!(long_text.is_empty() && !first.contains('|'), "{output:?}");
}

/// One line of foreign text as it is shown.
pub fn check_clean(line: &str) {
    assert!(line.chars().count() <= MAX_CHARS, "{line:?}");
    assert!(!line.contains(|c| is_forbidden(c) || c == '|'), "{line:?}");
}

/// The first line, and what follows it.
fn check_lines(output: &str, state: ServiceState) -> (&str, &str) {
    assert!(output.len() < MAX_OUTPUT, "{} bytes of output", output.len());
    assert!(!output.contains(|c| c != '\n' && is_forbidden(c)), "{output:?}");
    let (first, long_text) = output.split_once('\n').expect("a line has an end");
    assert!(first.strip_prefix(&format!("IMAP is {state}: ")).is_some_and(|said| !said.is_empty()), "{first:?}");
    assert!(first.split('|').next().is_some_and(|message| message.len() < MAX_MESSAGE), "{first:?}");
    assert!(output.matches('|').count() == first.matches('|').count() && first.matches('|').count() < 2, "{output:?}");
    assert!(long_text.is_empty() || long_text.ends_with('\n'), "{output:?}");
    assert!(!output.contains("\n\n"), "{output:?}");
    (first, long_text)
}

/// Items `label=value[;warning;critical;min;max]`, one space between them, no label twice.
fn check_perfdata(perfdata: &str) {
    let mut labels = HashSet::new();
    for item in perfdata.split(' ') {
        let (label, fields) = item.split_once('=').expect("an item is label=value");
        assert!(!label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-'), "{item:?}");
        assert!(labels.insert(label), "{label:?} twice");
        let fields: Vec<&str> = fields.split(';').collect();
        assert!(fields.len() <= 5, "{item:?}");
        let value = fields[0].strip_suffix(['s', '%']).unwrap_or(fields[0]);
        assert!(value == "U" || value.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-'), "{item:?}");
        let known = |c: char| c.is_ascii_digit() || ".-:@~".contains(c);
        assert!(fields[1..].iter().all(|field| field.chars().all(known)), "{item:?}");
    }
    for always in ["total", "timed_out", "login_ok"] {
        assert!(labels.contains(always), "{always} is missing");
    }
}

/// Breaks a line, moves the cursor or turns the direction of writing.
fn is_forbidden(c: char) -> bool {
    c.is_control() || ('\u{2028}'..='\u{202E}').contains(&c)
}
