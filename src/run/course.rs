//! The rules of a run: they decide what follows an event of a worker, a limit and a signal. Pure: it gets the time with
//! each input, starts no thread and waits for nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::{Effect, Event, Input, Stop};
use crate::facts::Facts;
use crate::failure::{Failure, Reason};
use crate::operation::Yield;
use crate::plan::{Phase, Plan};
use crate::remark::Remark;
use crate::report::{Cause, Limit, Outcome, PhaseReport, Report, round_time};

mod endings;
mod snapshot;

/// So many fresh connections in a row may be lost at once.
const MAX_LOSSES: usize = 3;

/// The state of a run: a pure state machine, without clock, thread or socket.
pub struct Course {
    plan: Arc<Plan>,
    /// Start of the program: the total limit counts from there.
    start: Instant,
    stage: Stage,
    /// The phases that have ended.
    ended: Vec<PhaseReport>,
    /// What the server said unasked since the last phase ended.
    remarks: Vec<Remark>,
    /// Whether the first connection was given up for a fresh one.
    is_fresh: bool,
    /// Fresh connections in a row that were lost before the server answered to a task.
    losses: usize,
    /// The phase that prevents those behind it: a step of the set-up that was not ok, or one that cost the connection.
    blocked_by: Option<usize>,
    /// Why the rest is not run, if that is not a phase alone.
    end_reason: Option<String>,
    obstacle: Option<String>,
    timed_out: bool,
    /// When the last phase before the end of the session ended.
    verdict: Option<Instant>,
    /// The facts that were learnt on the way.
    pub facts: Facts,
}

/// The stages of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The worker reads files and makes ready what the phases need.
    Preparing,
    /// This phase runs.
    Running { phase: usize, since: Instant },
    /// A worker sets up a fresh connection for this phase and those behind it.
    Reconnecting { next: usize },
    /// No further phase is run.
    Over,
}

impl Course {
    /// Nothing has happened yet. `start` is the start of the program.
    #[must_use]
    pub fn new(plan: Arc<Plan>, start: Instant) -> Self {
        Self {
            ended: Vec::with_capacity(plan.phases.len()),
            plan,
            start,
            stage: Stage::Preparing,
            remarks: Vec::new(),
            is_fresh: false,
            losses: 0,
            blocked_by: None,
            end_reason: None,
            obstacle: None,
            timed_out: false,
            verdict: None,
            facts: Facts::default(),
        }
    }

    /// When what happens now must have ended, and by which limit.
    #[must_use]
    pub fn find_deadline(&self) -> (Instant, Limit) {
        let most = self.plan.total.saturating_sub(self.plan.reserve);
        let total = (self.start + most, Limit::Total(self.plan.total));
        let Stage::Running { phase, since } = self.stage else { return total };
        match self.plan.phases.get(phase).and_then(|phase| phase.limit) {
            Some(own) if since + own < total.0 => (since + own, Limit::Own(own)),
            _ => total,
        }
    }

    /// Takes what happened at this time.
    pub fn take(&mut self, input: Input, at: Instant) -> Effect {
        let event = match input {
            Input::Deadline(last_words) => return self.time_out(last_words),
            Input::Signal(name, last_words) => return self.interrupt(name, last_words, at),
            Input::Event(event) => event,
        };
        match (event, self.stage) {
            (_, Stage::Over) => Effect::Stop,
            (Event::Fact(fact), _) => {
                self.facts.learn(fact, self.start);
                Effect::Wait
            }
            (Event::Remark(remark), _) => {
                if !self.remarks.contains(&remark) {
                    self.remarks.push(remark);
                }
                Effect::Wait
            }
            (Event::Advice(advice), _) => {
                let reason = self.ended.iter_mut().rev().find_map(|report| match &mut report.outcome {
                    Outcome::Failed(reason) => Some(reason),
                    _ => None,
                });
                if let Some(reason) = reason {
                    reason.hint.get_or_insert(advice);
                }
                Effect::Wait
            }
            (Event::Ready { at, .. }, Stage::Preparing) => {
                self.facts.preparation = Some(round_time(at.saturating_duration_since(self.start)));
                self.begin(0, at)
            }
            (Event::Ready { at, .. }, Stage::Reconnecting { next }) => {
                self.blocked_by = None;
                self.begin(next, at)
            }
            (Event::CannotBegin(why) | Event::CannotReconnect(why), _) => self.give_up(&why),
            (Event::Ended { phase, at, result, yielded }, Stage::Running { phase: running, .. })
                if phase == running =>
            {
                // A worker knows no limits: it can be done just after one. (A no that comes late is still a no.)
                let is_late = result.is_ok() && at > self.find_deadline().0;
                if is_late { self.time_out(None) } else { self.end(result, yielded, at) }
            }
            // A panic, or a worker that reports something else than the running phase.
            _ => self.end_by_fault(at),
        }
    }

    /// The report. Phases that have not ended were not run. A run that could not connect ends now.
    #[must_use]
    pub fn report(mut self, now: Instant) -> Report {
        let end = self.verdict.filter(|_| self.end_reason.is_none()).unwrap_or(now);
        // Said while a fresh connection was set up in vain.
        if let Some(report) = self.ended.iter_mut().rfind(|report| !report.is_not_run()) {
            report.remarks.append(&mut self.remarks);
        }
        while self.ended.len() < self.plan.phases.len() {
            self.push_not_run();
        }
        Report {
            phases: self.ended,
            obstacle: self.obstacle,
            timed_out: self.timed_out,
            facts: vec![self.facts],
            ..Report::new(&self.plan, round_time(end.saturating_duration_since(self.start)))
        }
    }

    fn begin(&mut self, phase: usize, since: Instant) -> Effect {
        self.stage = Stage::Running { phase, since };
        if phase < self.plan.phases.len() { Effect::Wait } else { self.stop() }
    }

    fn stop(&mut self) -> Effect {
        self.stage = Stage::Over;
        Effect::Stop
    }

    fn find_running(&self) -> Option<(usize, &Phase, Instant)> {
        let Stage::Running { phase, since } = self.stage else { return None };
        Some((phase, self.plan.phases.get(phase)?, since))
    }

    /// The running phase has ended by itself.
    fn end(&mut self, result: Result<(), Stop>, yielded: Yield, at: Instant) -> Effect {
        let Some((number, phase, since)) = self.find_running() else { return self.end_by_fault(at) };
        let is_task = phase.operation.is_task();
        let (outcome, is_lost) = match result {
            Ok(()) => (Outcome::Ok, false),
            Err(Stop::Failed(Failure::Refused(reason))) => (Outcome::Failed(reason), false),
            Err(Stop::Failed(Failure::Lost(reason))) => (Outcome::Failed(reason), true),
            Err(Stop::Failed(Failure::Local(reason))) => (Outcome::Fault(reason), true),
            Err(Stop::NotSent(reason)) => return self.begin_again(number, &reason),
            Err(Stop::Impossible) => (self.explain_not_run(number), false),
        };
        let (is_ok, is_refused) = (outcome == Outcome::Ok, matches!(outcome, Outcome::Failed(_) | Outcome::Fault(_)));
        let time = is_ok.then(|| round_time(at.saturating_duration_since(since)));
        let Yield { values, mut notes } = yielded;
        if is_task && self.is_fresh && is_ok {
            notes.push("over a fresh connection".to_owned());
        }
        if is_lost || (is_refused && !is_task) {
            self.blocked_by = Some(number);
        }
        self.push(outcome, time, at);
        if let Some(report) = self.ended.last_mut() {
            (report.values, report.notes) = (values, notes);
        }
        match (is_lost, is_task) {
            (false, _) => {
                if is_task && (is_ok || is_refused) {
                    self.losses = 0;
                }
                self.begin(number + 1, at)
            }
            (true, true) => self.go_on_after_loss(number + 1),
            (true, false) => self.stop(),
        }
    }

    /// The connection was lost before anything of this phase was sent, so it has not failed. The phase before it keeps its
    /// outcome.
    fn begin_again(&mut self, phase: usize, reason: &Reason) -> Effect {
        if let Some(report) = self.ended.iter_mut().rfind(|report| !report.is_not_run()) {
            let note = format!("behind it: {reason}");
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
            report.remarks.append(&mut self.remarks);
        }
        self.go_on_after_loss(phase)
    }

    /// A server that closes each connection at once gets no login for each task that is left.
    fn go_on_after_loss(&mut self, next: usize) -> Effect {
        if self.is_fresh {
            self.losses += 1;
        }
        if self.losses >= MAX_LOSSES {
            self.end_reason = Some(format!("{MAX_LOSSES} fresh connections in a row were lost at once"));
            return self.stop();
        }
        self.go_on(next)
    }

    /// A task that fails does not prevent the next ones: those are performed over a fresh connection.
    fn go_on(&mut self, mut next: usize) -> Effect {
        while self.has_failed_opener(next) {
            self.push_not_run();
            next += 1;
        }
        if self.plan.phases.get(next).is_none_or(|phase| !phase.operation.is_task()) {
            return self.stop();
        }
        self.is_fresh = true;
        self.stage = Stage::Reconnecting { next };
        let mut openers = (next..self.plan.phases.len()).filter_map(|phase| self.plan.find_opener(phase));
        let reopen = openers.find(|opener| self.ended.get(*opener).is_some_and(PhaseReport::is_ok));
        Effect::Reconnect { from: next, reopen }
    }

    /// Whether the mailbox of this phase should be open, and could not be opened.
    fn has_failed_opener(&self, phase: usize) -> bool {
        let opener = self.plan.find_opener(phase).and_then(|opener| self.ended.get(opener));
        opener.is_some_and(|report| !report.is_ok())
    }

    /// A phase that was not run, without a known cause, is a fault of this program, and is reported as one.
    fn explain_not_run(&self, phase: usize) -> Outcome {
        let has_failed = |number: &usize| self.ended.get(*number).is_some_and(PhaseReport::has_failed);
        let cause = self.plan.find_opener(phase).filter(has_failed).or(self.blocked_by);
        match (&self.end_reason, cause.and_then(|number| self.ended.get(number))) {
            // Setting up a fresh connection is no phase of the plan, so no phase is named as the cause.
            (Some(reason), _) => {
                let phase = self.blocked_by.filter(|_| self.losses >= MAX_LOSSES);
                Outcome::NotRun(Cause { why: reason.clone(), phase })
            }
            (None, Some(report)) => Outcome::NotRun(Cause { why: report.describe_ending(), phase: cause }),
            (None, None) => Outcome::Fault("internal error: nothing performed this phase, please report it".into()),
        }
    }

    fn push_not_run(&mut self) {
        let Some(phase) = self.plan.phases.get(self.ended.len()) else { return };
        let outcome = self.explain_not_run(self.ended.len());
        self.ended.push(PhaseReport::new(phase.clone(), outcome));
    }

    /// Ends the next phase of the plan with this outcome.
    fn push(&mut self, outcome: Outcome, time: Option<Duration>, at: Instant) {
        let Some(phase) = self.plan.phases.get(self.ended.len()) else { return };
        if !matches!(outcome, Outcome::NotRun(_)) && !phase.operation.is_end() {
            self.verdict = Some(at);
        }
        let begun = self.find_running().map(|(.., since)| round_time(since.saturating_duration_since(self.start)));
        let remarks =
            if matches!(outcome, Outcome::NotRun(_)) { Vec::new() } else { std::mem::take(&mut self.remarks) };
        let peer = self.facts.find_peer_of_several();
        self.ended.push(PhaseReport { begun, time, remarks, peer, ..PhaseReport::new(phase.clone(), outcome) });
    }
}

#[cfg(test)]
mod tests;
