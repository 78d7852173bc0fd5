//! Figures: the numbers that phases yield beside their times, and their units.

use chrono::{DateTime, Utc};

/// A number that a phase yields beside its time.
#[derive(Debug)]
pub struct Figure {
    /// In selectors, labels and JSON.
    pub name: &'static str,
    /// For the documents: what it is, and when it is there.
    pub help: &'static str,
    /// The kind of its values.
    pub unit: Unit,
    /// Its family in Prometheus.
    pub metric: Metric,
    /// Behind `the server sent no`, if it did not.
    pub absent: &'static str,
    /// `3 messages`; of several figures, each stands between commas.
    pub describe: fn(f64) -> String,
}

/// The kinds of values that a figure can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A whole number, 0 or more.
    Count,
    /// A point in time, in seconds of Unix time, which is shown as days from now with one decimal.
    DaysUntil,
    /// Seconds since something.
    Age,
    /// A ratio of 1, which is shown as per cent with one decimal.
    Percent,
}

/// A figure as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// See [`Unit::convert`].
    Known(f64),
    /// There is nothing to measure, and that crosses every threshold: why.
    Missing(&'static str),
    /// There is nothing to measure, and that crosses no threshold.
    Void,
}

/// A family of Prometheus, without `imap_session_`; its unit is part of the name.
#[derive(Debug)]
pub struct Metric {
    /// For example `mailbox_messages`.
    pub name: &'static str,
    /// The text behind `# HELP`, one sentence.
    pub help: &'static str,
    /// Further labels: name and value.
    pub labels: &'static [(&'static str, &'static str)],
}

impl Unit {
    /// The value as it is shown and judged.
    #[must_use]
    pub fn convert(self, raw: f64, now: DateTime<Utc>) -> f64 {
        match self {
            Self::Count | Self::Age => raw,
            Self::Percent => (raw * 1000.0).round() / 10.0,
            // Rounded down, so that it never promises too much.
            Self::DaysUntil => ((raw - seconds_of(now)) / 8640.0).floor() / 10.0,
        }
    }

    /// The shown value as perfdata has it, with its unit.
    #[must_use]
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::DaysUntil => format!("{value:.1}"),
            Self::Age => format!("{value}s"),
            Self::Percent => format!("{value:.1}%"),
        }
    }

    /// The smallest and the largest possible value, for perfdata.
    #[must_use]
    pub fn find_bounds(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::Count | Self::Age => (Some("0"), None),
            Self::DaysUntil => (None, None),
            Self::Percent => (Some("0"), Some("100")),
        }
    }

    /// Whether its ranges can have units such as `15m`.
    #[must_use]
    pub fn is_time(self) -> bool {
        self == Self::Age
    }

    /// Whether less of it is worse, so that its range is surely meant to have a start.
    #[must_use]
    pub fn is_worse_with_less(self) -> bool {
        self == Self::DaysUntil
    }

    /// The unit behind the number of a threshold in a message.
    #[must_use]
    pub fn show_suffix(self) -> &'static str {
        if self == Self::Age { " s" } else { "" }
    }
}

/// Unix time in seconds, to the millisecond.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::as_conversions, reason = "milliseconds stay below 2^53 for 285,000 years")]
pub fn seconds_of(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

/// `1 message`, `2 messages`.
pub(super) fn count(value: f64, one: &str, many: &str) -> String {
    let number = value.to_string();
    let noun = if number == "1" { one } else { many };
    format!("{number} {noun}")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn days_left_never_promise_too_much() {
        let now = Utc::now();
        for (seconds, days) in [(86_400 * 5, 5.0), (86_399, 0.9), (60, 0.0), (0, 0.0), (-1, -0.1), (-86_400 * 3, -3.0)]
        {
            let shown = Unit::DaysUntil.convert(seconds_of(now + TimeDelta::seconds(seconds)), now);
            assert!((shown - days).abs() < 1e-9, "{seconds}: {shown}");
        }
    }
}
