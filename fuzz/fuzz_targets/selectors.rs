//! Ranges, durations and selectors against references that are written without the program's own parsers.

#![no_main]

use libfuzzer_sys::fuzz_target;

use check_imap_session::plan::range::{Range, parse_duration};
use check_imap_session::plan::selector::Selector;
use check_imap_session_fuzz::check_refusal;

fuzz_target!(|input: &str| {
    match (Range::parse(input), bounds(input)) {
        (Ok(range), Some(bounds)) => check_range(&range, input, &bounds),
        (Err(why), None) => check_refusal(&why),
        (range, bounds) => panic!("{input:?}: {range:?} is not {bounds:?}"),
    }
    match (parse_duration(input), microseconds(input)) {
        // The last microsecond is rounded up, and halves of one are a float's business.
        (Ok(duration), Some(exact)) => assert!(duration.as_micros().abs_diff(exact) <= 1, "{input:?}: {duration:?}"),
        (Err(why), None) => check_refusal(&why),
        // At the ends of what is taken the float may be a hair off.
        (Ok(duration), None) => assert!([1_000, 86_400_000_000].contains(&duration.as_micros()), "{input:?}"),
        (Err(why), Some(exact)) => assert!([1_000, 86_400_000_000].contains(&exact), "{why}"),
    }
    let (selector, value) = Selector::split(input);
    match selector {
        Some(selector) => check_selector(&selector, value, input),
        None => assert!(value == input && !input.contains('=')),
    }
});

/// A range as the Monitoring Plugins define it.
#[derive(Debug, PartialEq)]
struct Bounds {
    start: f64,
    end: f64,
    inside: bool,
}

impl Bounds {
    fn alarms(&self, value: f64) -> bool {
        (self.start <= value && value <= self.end) == self.inside
    }
}

/// `[@][start:][end]`, with at least one bound, at most 40 bytes.
fn bounds(text: &str) -> Option<Bounds> {
    if text.len() > 40 {
        return None;
    }
    let (inside, text) = match text.as_bytes() {
        [b'@', ..] => (true, &text[1..]),
        _ => (false, text),
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (start, end) = match parts[..] {
        ["" | "~", ""] if parts[0].is_empty() => return None,
        [start, end] => (start, end),
        [end] if !end.is_empty() => ("", end),
        _ => return None,
    };
    let start = match start {
        "" => 0.0,
        "~" => f64::NEG_INFINITY,
        number => seconds(number)?,
    };
    let end = if end.is_empty() { f64::INFINITY } else { seconds(end)? };
    (start <= end).then_some(Bounds { start, end, inside })
}

/// A number, or a time with a unit in seconds, to the microsecond.
fn seconds(text: &str) -> Option<f64> {
    let (number, unit) = split_unit(text);
    let number = decimal(number)?;
    let unit = match unit {
        "" => return Some(number),
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        "h" => 3600e6,
        "d" => 86_400e6,
        _ => return None,
    };
    Some((number * unit).round() / 1e6)
}

/// At the last digit or point.
fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(text.rfind(|c: char| c.is_ascii_digit() || c == '.').map_or(0, |at| at + 1))
}

/// Digits with at most one point among, before or behind them; finite.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let sound = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().filter(|byte| *byte == b'.').count() < 2;
    text.parse().ok().filter(|number: &f64| sound && number.is_finite())
}

fn check_range(range: &Range, text: &str, bounds: &Bounds) {
    let has_unit = text.contains(['m', 's', 'h', 'd']);
    assert_eq!(range.has_unit, has_unit);
    if has_unit {
        let shown = self::bounds(range.text());
        let is_same = range.text().len() > 40 || shown.is_some_and(|shown| shown == *bounds);
        assert!(is_same, "{text} is shown as {}", range.text());
    } else {
        assert_eq!(range.text(), text);
    }
    let mut values = vec![0.0, 1.0, -1.0, f64::MAX, f64::MIN];
    for bound in [bounds.start, bounds.end].into_iter().filter(|bound| bound.is_finite()) {
        assert_eq!(bounds.alarms(bound), bounds.inside, "an end point belongs to its range");
        values.extend([bound, bound.next_up(), bound.next_down()]);
    }
    for value in values {
        assert_eq!(range.explain_breach(value).is_some(), bounds.alarms(value), "{text} at {value}");
    }
}

/// A time from a millisecond to a day, to the microsecond, without floats.
fn microseconds(text: &str) -> Option<u128> {
    let (number, unit) = match split_unit(text) {
        (number, "ms") => (number, 1_000),
        (number, "" | "s") => (number, 1_000_000),
        (number, "m") => (number, 60_000_000),
        (number, "h") => (number, 3_600_000_000),
        (number, "d") => (number, 86_400_000_000),
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + part.len() == 0 || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > 12 {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u128>().ok()? };
    let part = format!("{part:0<20}").get(..20)?.parse::<u128>().ok()?;
    let pico = whole * unit * 1_000_000 + part * unit / 100_000_000_000_000;
    (1_000_000_000..=86_400_000_000_000_000).contains(&pico).then_some(pico.div_ceil(1_000_000))
}

/// Put together again it is the same text, and each part ends where the next one begins.
fn check_selector(selector: &Selector, value: &str, text: &str) {
    let figure = selector.figure.as_ref().map_or_else(String::new, |figure| format!(".{figure}"));
    let phase = selector.phase.as_deref().expect("a text names a phase");
    let target = selector.target.as_ref().map_or_else(String::new, |target| format!(":{target}"));
    assert_eq!(format!("{phase}{figure}{target}={value}"), text);
    assert!(!phase.contains(['.', ':']), "{selector:?}");
    assert!(!figure.contains(':') && !value.contains('='), "{selector:?}");
}
