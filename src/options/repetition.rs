//! Many runs in place of one.

use std::time::Duration;

use super::Options;
use crate::output::FORMATS;

/// The pause between two runs if the user gives none.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// Many runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// The number of runs.
    pub times: u32,
    /// From the end of a run to the start of the next one.
    pub interval: Duration,
}

/// Many runs, if the user wants them.
#[must_use]
pub fn find_repetition(options: &Options) -> Option<Repetition> {
    Some(Repetition { times: options.repeat?, interval: options.interval.unwrap_or(DEFAULT_INTERVAL) })
}

/// Whether the format reports many runs, if there are many.
///
/// # Errors
/// One line: what does not fit, and what would be right.
pub(super) fn check_repetition(options: &Options) -> Result<(), String> {
    if options.repeat.is_some() && options.format.repeated.is_none() {
        let formats: Vec<&str> =
            FORMATS.iter().filter(|format| format.repeated.is_some()).map(|format| format.name).collect();
        let (format, right) = (options.format.name, formats.join(" or "));
        return Err(format!("--repeat: the output {format} reports one run, right is -o {right}"));
    }
    if options.interval.is_some() && options.repeat.is_none() {
        return Err("--interval: there is no pause in one run, right is --interval together with --repeat".to_owned());
    }
    Ok(())
}
