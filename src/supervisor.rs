//! The clocks: takes the worker's outcomes until the plan is complete or a limit ends it, and returns exactly one
//! outcome per planned phase. Whatever hangs is abandoned where it is: nothing is asked of the code that hangs.

use crate::event::{Done, Event, Fact, Stop};
use crate::options::{Options, TlsMode};
use crate::outcome::{Facts, Limit, Outcome, Record, Report};
use crate::plan::{Operation, Plan};
use crate::session;
use crate::text;
use crate::tls::Setup;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// More lines of dialogue than anybody reads; a flood must not fill the memory.
const MAX_DIALOGUE: usize = 500;

/// Runs a plan. `start` is the start of the program: the total limit counts from there.
#[must_use]
pub fn run(plan: &Plan, options: &Arc<Options>, start: Instant) -> Report {
    let (events, inbox) = mpsc::channel();
    let mut run = Run::new(plan, start);
    let tls = match (options.tls != TlsMode::None).then(|| Setup::new(options)).transpose() {
        Ok(tls) => tls,
        Err(why) => {
            run.obstacle = Some(why);
            return run.report();
        }
    };
    let job = (plan.clone(), Arc::clone(options));
    let worker = move || session::work(&job.0, &job.1, tls, &events);
    // The handle is dropped: a worker that hangs is left behind when the process ends.
    if let Err(error) = thread::Builder::new().name("worker".to_owned()).spawn(worker) {
        run.obstacle = Some(format!("no thread could be started: {error}"));
    }
    while run.obstacle.is_none() && !run.is_complete() {
        let (deadline, limit) = run.deadline();
        let event = match inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            // What came in time counts, however late we wake up.
            Err(RecvTimeoutError::Timeout) => inbox.try_recv().map_err(|_| RecvTimeoutError::Timeout),
            received => received,
        };
        match event {
            Ok(event) => run.take(event, deadline),
            Err(RecvTimeoutError::Timeout) => {
                run.time_out(deadline, limit);
                break;
            }
            Err(RecvTimeoutError::Disconnected) => {
                run.fault();
                break;
            }
        }
    }
    run.report()
}

/// Runs what may block, file access say, and gives up on it after `limit`.
///
/// # Errors
/// The time that it was given.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Duration> {
    let (result, answer) = mpsc::channel();
    let worker = move || {
        let _ = result.send(work());
    };
    thread::Builder::new().spawn(worker).ok().and_then(|_| answer.recv_timeout(limit).ok()).ok_or(limit)
}

/// What is known so far.
struct Run<'a> {
    plan: &'a Plan,
    start: Instant,
    /// When the running phase began; none while the worker prepares.
    began: Option<Instant>,
    /// One entry per phase that has ended; the next phase of the plan is the running one.
    ended: Vec<Option<Record>>,
    obstacle: Option<String>,
    timed_out: bool,
    /// When the verdict was reached: at the end of the last phase before LOGOUT.
    verdict: Option<Instant>,
    facts: Facts,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, start: Instant) -> Self {
        Self {
            plan,
            start,
            began: None,
            ended: Vec::new(),
            obstacle: None,
            timed_out: false,
            verdict: None,
            facts: Facts::default(),
        }
    }

    fn is_complete(&self) -> bool {
        self.ended.len() == self.plan.phases.len()
    }

    /// When the running phase must have ended, and by which limit.
    fn deadline(&self) -> (Instant, Limit) {
        let total = (self.start + self.plan.total, Limit::Total(self.plan.total));
        let own = self.plan.phases.get(self.ended.len()).and_then(|phase| phase.limit);
        match (own, self.began) {
            (Some(own), Some(began)) if began + own < total.0 => (began + own, Limit::Own(own)),
            _ => total,
        }
    }

    fn take(&mut self, event: Event, deadline: Instant) {
        match event {
            Event::Ready(at) => self.began = Some(at),
            Event::Obstacle(why) => self.obstacle = Some(why),
            Event::Ended { at, result, .. } => {
                let time = micros(at.saturating_duration_since(self.began.unwrap_or(at)));
                // The worker knows no limits: it can end just after one.
                let record = if at > deadline && result.is_ok() {
                    let (_, limit) = self.deadline();
                    self.timed_out_record(deadline, limit)
                } else {
                    match result {
                        Ok(Done { messages, note }) => {
                            Some(Record { outcome: Outcome::Ok, time: Some(time), messages, note })
                        }
                        Err(Stop::Failed(failure)) => Some(Record {
                            outcome: Outcome::Failed(failure.reason),
                            time: None,
                            messages: None,
                            note: None,
                        }),
                        Err(Stop::Impossible) => None,
                    }
                };
                self.push(record, at);
            }
            Event::Fact(fact) => self.learn(fact),
        }
    }

    fn push(&mut self, record: Option<Record>, at: Instant) {
        let logout = self.plan.phases.get(self.ended.len()).is_some_and(|phase| phase.operation == Operation::Logout);
        if record.is_some() && !logout {
            self.verdict = Some(at);
        }
        self.began = Some(at);
        self.ended.push(record);
    }

    fn learn(&mut self, fact: Fact) {
        let facts = &mut self.facts;
        match fact {
            Fact::Addresses(addresses) => facts.addresses = addresses,
            Fact::Refused(address, why) => facts.refused.push((address, why)),
            Fact::Peer(address) => facts.peer = Some(address),
            Fact::Tls(tls) => facts.tls = Some(tls),
            Fact::Certificate(certificate) => facts.certificate = Some(certificate),
            Fact::Trust(trust) => facts.trust = Some(trust),
            Fact::Dialogue(at, line) if facts.dialogue.len() < MAX_DIALOGUE => {
                facts.dialogue.push(format!("{:.6} {line}", at.saturating_duration_since(self.start).as_secs_f64()));
            }
            Fact::Dialogue(..) => {}
        }
    }

    fn time_out(&mut self, deadline: Instant, limit: Limit) {
        if self.began.is_none() {
            self.timed_out = true;
            self.obstacle =
                Some(format!("the files (password, CA) could not be read within {}", text::limit(self.plan.total)));
            return;
        }
        let record = self.timed_out_record(deadline, limit);
        self.push(record, deadline);
    }

    #[allow(clippy::unnecessary_wraps, reason = "goes where a phase that could not run has none")]
    fn timed_out_record(&mut self, deadline: Instant, limit: Limit) -> Option<Record> {
        self.timed_out = true;
        let given = self.began.map(|began| micros(deadline.saturating_duration_since(began)));
        Some(Record { outcome: Outcome::TimedOut(limit), time: given, messages: None, note: None })
    }

    /// The worker is gone before the end of the plan: it panicked.
    fn fault(&mut self) {
        let fault = "internal error, please report it".to_owned();
        if self.began.is_none() {
            self.obstacle = Some(fault);
        } else {
            self.push(
                Some(Record { outcome: Outcome::Fault(fault), time: None, messages: None, note: None }),
                Instant::now(),
            );
        }
    }

    /// Fills in what is missing: phases without an outcome were not run, and there is something to blame for it.
    fn report(mut self) -> Report {
        let end = self.verdict.unwrap_or_else(Instant::now);
        let mut blame = self.obstacle.clone().unwrap_or_default();
        let mut records = Vec::with_capacity(self.plan.phases.len());
        self.ended.resize(self.plan.phases.len(), None);
        for (phase, ended) in self.plan.phases.iter().zip(self.ended) {
            let record = ended.unwrap_or_else(|| Record {
                outcome: Outcome::NotRun(blame.clone()),
                time: None,
                messages: None,
                note: None,
            });
            match &record.outcome {
                Outcome::Failed(_) | Outcome::Fault(_) => blame = format!("{} failed", phase.operation.title()),
                Outcome::TimedOut(_) => blame = format!("{} timed out", phase.operation.title()),
                Outcome::Ok | Outcome::NotRun(_) => {}
            }
            records.push(record);
        }
        Report {
            plan: self.plan.clone(),
            records,
            total: micros(end.saturating_duration_since(self.start)),
            obstacle: self.obstacle,
            timed_out: self.timed_out,
            facts: self.facts,
        }
    }
}

/// To the microsecond, the resolution of every figure: what is judged is what is printed.
fn micros(duration: Duration) -> Duration {
    Duration::from_micros(duration.as_micros().try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Failure;

    fn plan(arguments: &[&str]) -> Plan {
        let mut all = vec!["-H", "localhost", "-u", "joe", "--password-file", "f", "--tls=none", "-m", "a", "-m", "b"];
        all.extend(arguments);
        Plan::new(&Options::from_arguments(&all).unwrap()).unwrap()
    }

    /// Plays results of phases, one every 10 ms.
    fn play(plan: &Plan, results: Vec<Result<Done, Stop>>) -> Report {
        let start = Instant::now();
        let mut run = Run::new(plan, start);
        run.take(Event::Ready(start + Duration::from_millis(5)), start + plan.total);
        for (phase, result) in results.into_iter().enumerate() {
            let at = start + Duration::from_millis(15) + Duration::from_millis(10) * u32::try_from(phase).unwrap();
            let (deadline, _) = run.deadline();
            run.take(Event::Ended { phase, at, result }, deadline);
        }
        if !run.is_complete() {
            let (deadline, limit) = run.deadline();
            run.time_out(deadline, limit);
        }
        run.report()
    }

    #[allow(clippy::unnecessary_wraps, reason = "stands among results")]
    fn ok() -> Result<Done, Stop> {
        Ok(Done::default())
    }

    #[test]
    fn a_phase_takes_the_time_since_the_one_before_and_the_total_leaves_logout_out() {
        let report = play(&plan(&[]), vec![ok(), ok(), ok(), ok(), ok(), ok(), ok()]);
        assert!(
            report
                .records
                .iter()
                .all(|record| record.outcome == Outcome::Ok && record.time == Some(Duration::from_millis(10)))
        );
        assert_eq!(report.total, Duration::from_millis(65));
        assert!(!report.timed_out);
    }

    #[test]
    fn a_time_out_keeps_what_was_before_it_and_blames_itself_for_what_comes_after() {
        let report = play(&plan(&["--limit", "select=2", "-t", "9"]), vec![ok(), ok(), ok(), ok()]);
        let outcomes: Vec<&Outcome> = report.records.iter().map(|record| &record.outcome).collect();
        assert_eq!(outcomes[3], &Outcome::Ok);
        assert_eq!(outcomes[4], &Outcome::TimedOut(Limit::Own(Duration::from_secs(2))));
        assert_eq!(outcomes[5], &Outcome::NotRun("select a timed out".to_owned()));
        assert_eq!(outcomes[6], &Outcome::NotRun("select a timed out".to_owned()));
        assert_eq!(report.records[4].time, Some(Duration::from_secs(2)));
    }

    #[test]
    fn the_total_limit_gives_a_phase_what_is_left() {
        let report = play(&plan(&["-t", "1"]), vec![ok(), ok()]);
        assert_eq!(report.records[2].outcome, Outcome::TimedOut(Limit::Total(Duration::from_secs(1))));
        assert_eq!(report.records[2].time, Some(Duration::from_millis(975)));
        assert_eq!(report.total, Duration::from_secs(1));
    }

    #[test]
    fn a_refused_mailbox_does_not_stop_the_next() {
        let no = || Err(Stop::Failed(Failure::refused("NO")));
        let report = play(&plan(&[]), vec![ok(), ok(), ok(), ok(), no(), ok(), ok()]);
        assert_eq!(report.records[4].outcome, Outcome::Failed("NO".to_owned()));
        assert_eq!(report.records[5].outcome, Outcome::Ok);
    }

    #[test]
    fn what_ends_after_its_limit_is_timed_out_however_late_we_hear_of_it() {
        let report = play(
            &plan(&["--limit", "greeting=5ms"]),
            vec![
                ok(),
                ok(),
                ok(),
                Err(Stop::Impossible),
                Err(Stop::Impossible),
                Err(Stop::Impossible),
                Err(Stop::Impossible),
            ],
        );
        assert_eq!(report.records[2].outcome, Outcome::TimedOut(Limit::Own(Duration::from_millis(5))));
        assert_eq!(report.records[3].outcome, Outcome::NotRun("greeting timed out".to_owned()));
    }

    #[test]
    fn a_worker_that_is_gone_is_a_fault_of_the_running_phase() {
        let plan = plan(&[]);
        let start = Instant::now();
        let mut run = Run::new(&plan, start);
        run.take(Event::Ready(start), start + plan.total);
        run.fault();
        let report = run.report();
        assert!(matches!(&report.records[0].outcome, Outcome::Fault(_)));
        assert_eq!(report.records[6].outcome, Outcome::NotRun("resolve failed".to_owned()));
        assert_eq!(report.records.len(), plan.phases.len());
    }

    #[test]
    fn what_blocks_is_given_up() {
        assert_eq!(within(Duration::from_secs(5), || 1), Ok(1));
        let limit = Duration::from_millis(20);
        assert_eq!(within(limit, || thread::sleep(Duration::from_secs(5))), Err(limit));
    }
}
