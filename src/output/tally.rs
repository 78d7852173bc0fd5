//! The statistics of many runs of one plan: for each phase how often it failed, and how its durations are spread.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::report::judge::Judged;

/// The figures of all runs. Its size does not depend on their number.
#[derive(Default)]
pub struct Tally {
    /// In the plan's order, the total last.
    pub rows: Vec<TallyRow>,
    /// How many runs there were.
    pub runs: u64,
}

/// The figures of one phase, or of the total.
pub struct TallyRow {
    /// The phase as the output has it.
    pub title: String,
    /// How often it was begun and was not ok.
    pub failures: u64,
    /// Microseconds of the runs in which it was ok.
    durations: Histogram<u32>,
    shortest: Duration,
    longest: Duration,
}

/// How durations are spread. Minimum and maximum are exact, the others to a thousandth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The shortest.
    pub minimum: Duration,
    /// Half of them are at most as long.
    pub median: Duration,
    /// 95 per cent of them are at most as long.
    pub percentile_95: Duration,
    /// The longest.
    pub maximum: Duration,
}

impl Tally {
    /// Adds a run.
    pub fn add(&mut self, judged: &Judged<'_>) {
        self.runs += 1;
        for (place, phase) in judged.phases.iter().enumerate() {
            let report = phase.report;
            let duration = report.time.filter(|_| report.is_ok());
            self.note(place, &report.phase.make_full_title(), report.has_failed(), duration);
        }
        self.note(judged.phases.len(), "total", false, Some(judged.report.duration));
    }

    fn note(&mut self, place: usize, title: &str, has_failed: bool, duration: Option<Duration>) {
        if self.rows.get(place).is_none_or(|row| row.title != title) {
            // A name with several addresses may have got a new one.
            let Ok(durations) = Histogram::new(3) else { return };
            let place = place.min(self.rows.len());
            let row = TallyRow {
                title: title.to_owned(),
                failures: 0,
                durations,
                shortest: Duration::MAX,
                longest: Duration::ZERO,
            };
            self.rows.insert(place, row);
        }
        if let Some(row) = self.rows.get_mut(place) {
            row.failures += u64::from(has_failed);
            if let Some(duration) = duration
                && let Ok(microseconds) = u64::try_from(duration.as_micros())
            {
                row.shortest = row.shortest.min(duration);
                row.longest = row.longest.max(duration);
                // It grows as it needs, so that no value is too large for it.
                let _ = row.durations.record(microseconds);
            }
        }
    }
}

impl TallyRow {
    /// How its durations are spread, if there are any.
    #[must_use]
    pub fn spread(&self) -> Option<Spread> {
        if self.durations.is_empty() {
            return None;
        }
        // The histogram rounds up.
        let at = |share: f64| {
            Duration::from_micros(self.durations.value_at_quantile(share)).clamp(self.shortest, self.longest)
        };
        Some(Spread { minimum: self.shortest, median: at(0.5), percentile_95: at(0.95), maximum: self.longest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_and_only_good_durations_are_spread() {
        let mut tally = Tally::default();
        for milliseconds in 1..=100 {
            let is_ok = milliseconds != 100;
            let duration = is_ok.then(|| Duration::from_millis(milliseconds));
            tally.note(0, "login", !is_ok, duration);
            tally.note(1, "total", false, Some(Duration::from_secs(milliseconds * 1000)));
        }
        let login = &tally.rows[0];
        let spread = login.spread().unwrap();
        assert_eq!((login.failures, spread.minimum), (1, Duration::from_millis(1)));
        for (found, milliseconds) in [(spread.median, 50), (spread.percentile_95, 95), (spread.maximum, 99)] {
            let exact = Duration::from_millis(milliseconds);
            assert!(found >= exact && found <= exact.mul_f64(1.002), "{found:?} is not {exact:?}");
        }
        assert!(tally.rows[1].spread().unwrap().maximum >= Duration::from_secs(100_000));
    }

    #[test]
    fn minimum_and_maximum_are_exact() {
        let mut tally = Tally::default();
        let only = Duration::from_micros(8387);
        tally.note(0, "login", false, Some(only));
        let spread = tally.rows[0].spread().unwrap();
        assert_eq!(spread, Spread { minimum: only, median: only, percentile_95: only, maximum: only });
    }

    #[test]
    fn an_address_that_is_new_has_a_row_of_its_own() {
        let mut tally = Tally::default();
        for titles in [&["a login", "total"][..], &["a login", "b login", "total"]] {
            for (place, title) in titles.iter().enumerate() {
                tally.note(place, title, false, Some(Duration::from_millis(1)));
            }
        }
        let titles: Vec<&str> = tally.rows.iter().map(|row| row.title.as_str()).collect();
        assert_eq!(titles, ["a login", "b login", "total"]);
    }
}
