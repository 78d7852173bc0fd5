//! The state of a run that goes on, for a view that shows it live.

use std::time::Instant;

use super::{Course, Stage};
use crate::plan::Phase;
use crate::report::{Report, round_time};

impl Course {
    /// A report of the phases that have ended.
    #[must_use]
    pub fn report_so_far(&self, now: Instant) -> Report {
        Report {
            phases: self.ended.clone(),
            facts: vec![self.facts.clone()],
            ..Report::new(&self.plan, round_time(now.saturating_duration_since(self.start)))
        }
    }

    /// The running phase, and since when it runs.
    #[must_use]
    pub fn running_phase(&self) -> Option<(&Phase, Instant)> {
        self.find_running().map(|(_, phase, since)| (phase, since))
    }

    /// The phase for which a fresh connection is being set up.
    #[must_use]
    pub fn awaited_phase(&self) -> Option<usize> {
        if let Stage::Reconnecting { next } = self.stage { Some(next) } else { None }
    }
}
