//! The values of thresholds and limits: ranges and durations.

use std::time::Duration;

use nagios_range::NagiosRange;

use crate::text::show_value;

/// Units of times with their microseconds; a unit stands before one that it ends with.
const UNITS: [(&str, f64); 5] = [("ms", 1e3), ("s", 1e6), ("m", 60e6), ("h", 3600e6), ("d", 86_400e6)];

/// A range of the Monitoring Plugins grammar (`[@][start:][end]`), with its text as perfdata shows it: as the user gave it,
/// so that a plain number stays a plain number, but times with a unit are in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    bounds: NagiosRange,
    text: String,
    /// Whether the user gave an end point with a unit, so that it can be a time alone.
    pub has_unit: bool,
}

impl Range {
    /// Reads a range; end points are finite decimals, with or without the unit of a time. At least one must be there.
    ///
    /// # Errors
    /// The text is wrong; the message has the reason and examples that are right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            let right = "right are for example 2, 1:5, 10:, @0:3, of times also 500ms";
            Err(format!("{} is not a range: {why}, {right}", show_value(text)))
        };
        // It stands in the perfdata of each mailbox.
        if text.len() > 40 {
            return wrong("it is longer than 40 characters");
        }
        let (mark, inside) = text.strip_prefix('@').map_or(("", text), |rest| ("@", rest));
        let (start, end) = inside.split_once(':').unwrap_or(("", inside));
        if start.is_empty() && end.is_empty() {
            return wrong("it has neither start nor end");
        }
        let first = if start == "~" { Some(start.to_owned()) } else { convert_bound(start) };
        let (Some(first), Some(last)) = (first, convert_bound(end)) else {
            return wrong("start and end are decimal numbers");
        };
        let has_unit = first != start || last != end;
        let colon = if inside.contains(':') { ":" } else { "" };
        let text = format!("{mark}{first}{colon}{last}");
        match NagiosRange::from(text.as_str()) {
            Ok(bounds) if bounds.start() <= bounds.end() => Ok(Self { bounds, text, has_unit }),
            Ok(_) | Err(nagios_range::Error::StartGreaterThanEnd) => wrong("its start is above its end"),
            Err(_) => wrong("start and end are decimal numbers"),
        }
    }

    /// As perfdata shows it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `21:` for the range `21`, whose alarm is above 21: what it surely should be for a value of which less is worse.
    #[must_use]
    pub fn suggest_start(&self) -> Option<String> {
        (!self.text.starts_with('@') && !self.text.contains(':')).then(|| format!("{}:", self.text))
    }

    /// Why this value raises the alarm, in words (`above 2`); `None` if it does not. End points belong to
    /// the range: `2` does not alarm at 2, `@10:20` does at 10.
    #[must_use]
    pub fn explain_breach(&self, value: f64) -> Option<String> {
        if !self.bounds.check(value) {
            return None;
        }
        let (start, end) = (self.bounds.start(), self.bounds.end());
        Some(if self.bounds.checks_inside() {
            match (self.bounds.start_is_infinite(), self.bounds.end_is_infinite()) {
                (true, true) => "at any value".to_owned(),
                (true, false) => format!("at or below {end}"),
                (_, true) => format!("at or above {start}"),
                _ => format!("inside {start} to {end}"),
            }
        } else if value < *start {
            format!("below {start}")
        } else {
            format!("above {end}")
        })
    }
}

/// An end point in the grammar of ranges: empty or a decimal number, which stays as it is, or a time with a unit, which
/// becomes seconds. None if it is neither; the crate would take what Rust takes for a float: nan, inf, 1e3.
fn convert_bound(text: &str) -> Option<String> {
    let (number, unit) = split_unit(text);
    let is_number = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let value: Option<f64> = is_number.then(|| number.parse().ok()).flatten();
    match unit {
        None => (text.is_empty() || value.is_some()).then(|| text.to_owned()),
        // To the microsecond, the resolution of every time.
        Some(unit) => value.map(|value| ((value * unit).round() / 1e6).to_string()),
    }
}

/// The number before the unit of a time, and the microseconds of that unit if there is one.
fn split_unit(text: &str) -> (&str, Option<f64>) {
    let split = |(unit, microseconds): &(&str, f64)| Some((text.strip_suffix(unit)?, Some(*microseconds)));
    UNITS.iter().find_map(split).unwrap_or((text, None))
}

/// Reads `0.5`, `500ms`, `5s`, `1m`, `2h`: a limit, above zero and at most a day.
///
/// # Errors
/// The text is wrong; the message has the reason and examples that are right.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const DAY: f64 = 86_400.0;
    let wrong = |why: &str| format!("{} {why}, right are for example 5, 0.5, 500ms, 5s, 1m", show_value(text));
    let (number, unit) = split_unit(text);
    let number: Option<f64> =
        number.chars().all(|c| c.is_ascii_digit() || c == '.').then(|| number.parse().ok()).flatten();
    let number = number.ok_or_else(|| wrong("is not a time in seconds"))?;
    let seconds = unit.map_or(number, |unit| number * unit / 1e6);
    if seconds < 0.001 {
        return Err(wrong("is too short, the least is 1ms"));
    }
    if seconds > DAY {
        return Err(wrong("is too long, the most is a day"));
    }
    // To the microsecond, the resolution of every figure here: 0.1 s stays 0.1 s in the output.
    Ok(Duration::from_micros(Duration::from_secs_f64(seconds).as_nanos().div_ceil(1000).try_into().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_alarm_outside_and_never_at_their_end_points() {
        for (range, quiet, alarmed) in [
            ("2", &[0.0, 1.0, 2.0][..], &[2.000_001, -0.1][..]),
            ("1:5", &[1.0, 3.0, 5.0], &[0.999_999, 5.000_001]),
            ("10:", &[10.0, 1e9], &[9.9, -1.0]),
            (":10", &[0.0, 10.0], &[-1.0, 11.0]),
            ("~:10", &[-1e9, 10.0], &[10.1]),
            ("-5:-1", &[-5.0, -1.0], &[-5.1, 0.0]),
            ("2:2", &[2.0], &[1.9, 2.1]),
            ("0", &[0.0], &[0.000_001, -0.000_001]),
            ("@10:20", &[9.9, 20.1], &[10.0, 15.0, 20.0]),
            ("@5", &[-0.1, 5.1], &[0.0, 5.0]),
            ("@~:3", &[3.1], &[3.0, -9.0]),
            ("@21:", &[20.9], &[21.0, 1e6]),
        ] {
            let parsed = Range::parse(range).unwrap();
            assert_eq!(parsed.text(), range);
            for value in quiet {
                assert_eq!(parsed.explain_breach(*value), None, "{range} at {value}");
            }
            for value in alarmed {
                assert!(parsed.explain_breach(*value).is_some(), "{range} at {value}");
            }
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "", "@", ":", "@:", "nan", "inf", "~", "10:~", "10:5", "1e3", "+1", "1:2:3", "1,5", "nan:1", "1:inf",
            "--1", "a:b", "@@1", " 1", "-", ".", "s", "5x", "5 s", "1e3s", "nans", "~s", "1m1s", "5S", "2s:1s",
            "1m:5s",
        ] {
            let error = Range::parse(text).unwrap_err();
            assert!(error.contains("is not a range"), "{text}: {error}");
        }
    }

    #[test]
    fn a_range_of_one_number_can_be_turned_round() {
        assert_eq!(Range::parse("21").unwrap().suggest_start().as_deref(), Some("21:"));
        for text in ["21:", ":21", "0:21", "~:21", "@21"] {
            assert_eq!(Range::parse(text).unwrap().suggest_start(), None, "{text}");
        }
    }

    #[test]
    fn times_of_ranges_take_units_and_are_shown_in_seconds() {
        for (text, shown) in [
            ("500ms", "0.5"),
            ("2s:5s", "2:5"),
            ("@1ms:1.50", "@0.001:1.50"),
            ("~:1m", "~:60"),
            ("-1s:", "-1:"),
            (":.5h", ":1800"),
            ("15m", "900"),
            ("2d", "172800"),
            ("1.1ms", "0.0011"),
            ("0s", "0"),
        ] {
            let range = Range::parse(text).unwrap();
            assert_eq!((range.text(), range.has_unit), (shown, true), "{text}");
            assert_eq!(range.bounds, Range::parse(shown).unwrap().bounds, "{text}");
        }
        assert!(!Range::parse("@1:2.50").unwrap().has_unit);
    }

    #[test]
    fn limits_take_fractions_and_units() {
        for (text, milliseconds) in [
            ("0.5", 500),
            ("500ms", 500),
            ("5s", 5000),
            ("1m", 60_000),
            ("3", 3000),
            (".25", 250),
            ("1.5m", 90_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(milliseconds), "{text}");
        }
        for text in
            ["", "0", "-1", "nan", "inf", "1e3", "25h", "2d", "5x", "5 s", "s", "ms", "0.0001", "86401", "1.2.3", "+5"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
