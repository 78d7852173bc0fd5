//! Reports as text, one file per format. No format judges, measures or prints.

pub mod deliver;
pub mod textfile;

mod json;
mod nagios;
mod perfdata;
mod prometheus;

use crate::options::{Format, Options};
use crate::report::Report;
use crate::report::judge::Verdict;
use chrono::{DateTime, Utc};

/// The line for what prevents a run, the same for every format: bad usage, a fault of our own.
pub use nagios::unknown;
/// What `--textfile` gets.
pub use prometheus::render as prometheus;

/// The whole output in this format, with a line end.
#[must_use]
pub fn render(format: Format, report: &Report, verdict: &Verdict, options: &Options, now: DateTime<Utc>) -> String {
    match format {
        Format::Nagios => nagios::render(report, verdict, options, now),
        Format::Prometheus => prometheus::render(report, options),
        Format::Json => json::render(report, verdict, options, now),
    }
}
