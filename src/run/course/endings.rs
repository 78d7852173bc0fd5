//! What ends a phase or a run from outside: a limit, a signal, a fault of this program, a connection that cannot be set up.

use std::time::Instant;

use super::super::event::Effect;
use super::{Course, Stage};
use crate::report::{Limit, Outcome, describe_last_words, round_time};
use crate::text;

impl Course {
    pub(super) fn time_out(&mut self, last_words: Option<String>) -> Effect {
        let (deadline, _) = self.find_deadline();
        self.timed_out |= self.stage != Stage::Over;
        if self.find_running().is_none() {
            let why = format!("not done within {} (total limit)", text::format_limit(self.plan.total));
            return self.give_up(&add_last_words(self.name_file(why), last_words));
        }
        self.skip_impossible();
        let Some((number, phase, since)) = self.find_running() else { return self.stop() };
        let (_, limit) = self.find_deadline();
        let is_task = phase.operation.is_task();
        let given = round_time(deadline.saturating_duration_since(since));
        self.blocked_by = Some(number);
        self.push(Outcome::TimedOut(limit), Some(given), deadline);
        if let Some(report) = self.ended.last_mut() {
            report.last_words = last_words;
        }
        if is_task && matches!(limit, Limit::Own(_)) { self.go_on(number + 1) } else { self.stop() }
    }

    /// At a signal the running phase has failed.
    pub(super) fn interrupt(&mut self, signal: &str, last_words: Option<String>, at: Instant) -> Effect {
        let why = format!("ended by {signal} after {:.1} s", at.saturating_duration_since(self.start).as_secs_f64());
        if self.find_running().is_none() {
            return self.give_up(&add_last_words(self.name_file(why), last_words));
        }
        self.skip_impossible();
        self.end_run(Outcome::Failed(add_last_words(why, last_words).into()), at)
    }

    pub(super) fn end_by_fault(&mut self, at: Instant) -> Effect {
        let why = "internal error, please report it";
        if self.find_running().is_none() { self.give_up(why) } else { self.end_run(Outcome::Fault(why.into()), at) }
    }

    /// Ends the running phase with this outcome; no other is run.
    fn end_run(&mut self, outcome: Outcome, at: Instant) -> Effect {
        self.blocked_by = Some(self.ended.len());
        self.push(outcome, None, at);
        self.stop()
    }

    /// Without a login or an open mailbox a task cannot be done. If a limit or a signal ends the run then, it ends no
    /// such task, although the worker may not have reported that yet.
    fn skip_impossible(&mut self) {
        while let Some((number, phase, since)) = self.find_running()
            && phase.operation.is_task()
            && (self.blocked_by.is_some() || self.has_failed_opener(number))
        {
            self.push_not_run();
            self.begin(number + 1, since);
        }
    }

    /// No phase is running, and none can be begun.
    pub(super) fn give_up(&mut self, why: &str) -> Effect {
        if self.is_fresh {
            self.end_reason = Some(format!("could not connect again: {why}"));
        } else {
            self.obstacle = Some(why.to_owned());
            self.end_reason = Some("the run could not begin".to_owned());
        }
        self.stop()
    }

    /// Adds the name of the file that was being read.
    fn name_file(&self, why: String) -> String {
        match &self.facts.reading {
            _ if self.is_fresh => why,
            Some(reading) => format!("{reading}: {why}"),
            None => format!("the first phase could not begin: {why}"),
        }
    }
}

/// With the server's last line behind it, if there is one: also of a fresh connection that is being set up.
fn add_last_words(mut why: String, last_words: Option<String>) -> String {
    why.extend(last_words.map(|words| format!(", {}", describe_last_words(&words))));
    why
}
