//! The values of thresholds and limits: ranges and durations.

use std::time::Duration;

use nagios_range::NagiosRange;

use crate::text::show_value;

/// A range of the Monitoring Plugins grammar (`[@][start:][end]`), with the text that the user gave: that is
/// what perfdata shows, so that a plain number stays a plain number.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    range: NagiosRange,
    text: String,
}

impl Range {
    /// Reads a range; end points are finite decimals, at least one must be there.
    ///
    /// # Errors
    /// The text is wrong; the message has the reason and examples that are right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            Err(format!("{} is not a range: {why}, right are for example 2, 1:5, 10:, @0:3", show_value(text)))
        };
        // It stands in the perfdata of each mailbox.
        if text.len() > 40 {
            return wrong("it is longer than 40 characters");
        }
        let bounds = text.strip_prefix('@').unwrap_or(text);
        let (start, end) = bounds.split_once(':').unwrap_or(("", bounds));
        if start.is_empty() && end.is_empty() {
            return wrong("it has neither start nor end");
        }
        // The crate takes what Rust takes for a float: nan, inf, 1e3.
        if !(is_bound(start) || start == "~") || !is_bound(end) {
            return wrong("start and end are decimal numbers");
        }
        match NagiosRange::from(text) {
            Ok(range) if range.start() <= range.end() => Ok(Self { range, text: text.to_owned() }),
            Ok(_) | Err(nagios_range::Error::StartGreaterThanEnd) => wrong("its start is above its end"),
            Err(_) => wrong("start and end are decimal numbers"),
        }
    }

    /// As the user wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why this value raises the alarm, in words (`above 2`); `None` if it does not. End points belong to
    /// the range: `2` does not alarm at 2, `@10:20` does at 10.
    #[must_use]
    pub fn explain_breach(&self, value: f64) -> Option<String> {
        if !self.range.check(value) {
            return None;
        }
        let (start, end) = (self.range.start(), self.range.end());
        Some(if self.range.checks_inside() {
            match (self.range.start_is_infinite(), self.range.end_is_infinite()) {
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

/// An empty bound, or a decimal number without an exponent.
fn is_bound(text: &str) -> bool {
    text.is_empty()
        || (text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-')) && text.parse::<f64>().is_ok())
}

/// Reads `0.5`, `500ms`, `5s`, `1m`: a limit, above zero and at most a day.
///
/// # Errors
/// The text is wrong; the message has the reason and examples that are right.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const DAY: f64 = 86_400.0;
    let wrong = |why: &str| format!("{} {why}, right are for example 5, 0.5, 500ms, 5s, 1m", show_value(text));
    let (number, unit) = if let Some(number) = text.strip_suffix("ms") {
        (number, 0.001)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60.0)
    } else {
        (text, 1.0)
    };
    let number: Option<f64> =
        number.chars().all(|c| c.is_ascii_digit() || c == '.').then(|| number.parse().ok()).flatten();
    let seconds = number.ok_or_else(|| wrong("is not a time in seconds"))? * unit;
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
            "", "@", ":", "@:", "nan", "inf", "~", "10:~", "10:5", "1e3", "+1", "5s", "1:2:3", "1,5", "nan:1", "1:inf",
            "--1", "a:b", "@@1", " 1", "-", ".",
        ] {
            let error = Range::parse(text).unwrap_err();
            assert!(error.contains("is not a range"), "{text}: {error}");
        }
    }

    #[test]
    fn limits_take_fractions_and_units() {
        for (text, milliseconds) in
            [("0.5", 500), ("500ms", 500), ("5s", 5000), ("1m", 60_000), ("3", 3000), (".25", 250), ("1.5m", 90_000)]
        {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(milliseconds), "{text}");
        }
        for text in ["", "0", "-1", "nan", "inf", "1e3", "5h", "5 s", "s", "ms", "0.0001", "86401", "1.2.3", "+5"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
