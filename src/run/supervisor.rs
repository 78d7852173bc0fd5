//! The clocks: takes the worker's outcomes until the plan is complete, or a limit or a signal ends it, and returns
//! exactly one outcome per planned phase. Whatever hangs is abandoned where it is: nothing is asked of the code that
//! hangs.

use crate::plan::{Operation, Phase, Plan};
use crate::report::{Facts, Limit, Outcome, Record, Report};
use crate::run::event::{Done, Event, Fact, Job, Stop, Tell, Worker};
use crate::run::signals::Signals;
use crate::run::wakeup::{Inbox, Wake};
use crate::text;
use std::hint;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What comes in: an event of this worker, by its number.
type Message = (usize, Event);

/// Runs a plan against a server (its addresses, if they are known). `start` is the start of the program: the total limit
/// counts from there.
#[must_use]
pub fn supervise(plan: &Plan, addresses: &[SocketAddr], worker: &Worker, signals: &Signals, start: Instant) -> Report {
    let inbox = Arc::new(Inbox::new(signals));
    let mut run = Run::new(plan, addresses, worker, Arc::clone(&inbox), start);
    run.employ();
    while !run.is_over() {
        let (deadline, limit) = run.deadline();
        match inbox.take(deadline) {
            Wake::Message((number, event)) if number == run.workers => run.take(event, deadline, limit),
            // An abandoned worker still talks.
            Wake::Message(_) => {}
            Wake::Signal(name) => run.interrupt(name),
            Wake::TimeOut => run.time_out(deadline, limit),
        }
    }
    inbox.close();
    run.report()
}

/// Runs what may block (file access, say) and gives up on it after `limit`, or `grace` after a signal.
///
/// # Errors
/// What ended it, in words.
pub fn within<T: Send + 'static>(
    limit: Duration,
    grace: Duration,
    signals: &Signals,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let begun = Instant::now();
    let inbox = Arc::new(Inbox::new(signals));
    let outbox = Arc::clone(&inbox);
    let worker = move || outbox.put(work(), true);
    thread::Builder::new().spawn(worker).map_err(|error| no_thread(&error))?;
    let late = match inbox.take(begun + limit) {
        Wake::Message(result) => return Ok(result),
        Wake::Signal(name) => Some(name),
        Wake::TimeOut => None,
    };
    match (inbox.take_calmly((Instant::now() + grace).min(begun + limit)), late) {
        (Wake::Message(result), _) => Ok(result),
        (_, Some(name)) => Err(ended_by(name, begun.elapsed())),
        _ => Err(format!("not done within {}", text::limit(limit))),
    }
}

/// Which events of a worker the supervisor must be woken for: those after which its deadline is another one or its work is
/// done. To wake it for each costs more than what it does then.
struct Bell {
    /// Whether a phase has a limit of its own.
    limited: Vec<bool>,
    running: AtomicUsize,
}

impl Bell {
    fn new(job: &Job) -> Self {
        let limited = job.plan.phases.iter().map(|phase| phase.limit.is_some()).collect();
        Self { limited, running: AtomicUsize::new(job.from) }
    }

    fn is_for(&self, event: &Event) -> bool {
        // Behind the last phase is the end.
        let matters = |phase: usize| self.limited.get(phase).copied().unwrap_or(true);
        match event {
            Event::Fact(_) => false,
            Event::Ready(_) => matters(self.running.load(Ordering::Relaxed)),
            Event::Ended { result, .. } => {
                let next = self.running.fetch_add(1, Ordering::Relaxed) + 1;
                result.is_err() || matters(next)
            }
            Event::Obstacle(_) | Event::NotAgain(_) | Event::Fault => true,
        }
    }
}

/// What is known so far.
struct Run<'a> {
    plan: &'a Plan,
    addresses: Vec<SocketAddr>,
    worker: &'a Worker,
    inbox: Arc<Inbox<Message>>,
    start: Instant,
    /// How many workers there were; the last one is the one that counts.
    workers: usize,
    /// When the running phase began; none while the worker prepares or connects again.
    began: Option<Instant>,
    /// One entry per phase that has ended; the next phase of the plan is the running one.
    ended: Vec<Option<Record>>,
    /// No further phase is run.
    over: bool,
    /// Why, where that is not an earlier phase.
    cause: Option<String>,
    obstacle: Option<String>,
    timed_out: bool,
    /// When the verdict was reached: at the end of the last phase before LOGOUT.
    verdict: Option<Instant>,
    /// To close the connection of an abandoned worker by.
    connection: Option<TcpStream>,
    facts: Facts,
}

impl<'a> Run<'a> {
    fn new(
        plan: &'a Plan,
        addresses: &[SocketAddr],
        worker: &'a Worker,
        inbox: Arc<Inbox<Message>>,
        start: Instant,
    ) -> Self {
        Self {
            plan,
            addresses: addresses.to_vec(),
            worker,
            inbox,
            start,
            workers: 0,
            began: None,
            ended: Vec::new(),
            over: false,
            cause: None,
            obstacle: None,
            timed_out: false,
            verdict: None,
            connection: None,
            facts: Facts::default(),
        }
    }

    fn is_over(&self) -> bool {
        self.over || self.running().is_none()
    }

    fn running(&self) -> Option<&'a Phase> {
        self.plan.phases.get(self.ended.len())
    }

    /// Starts a worker on the rest of the plan; the one before it is abandoned.
    fn employ(&mut self) {
        if let Some(connection) = self.connection.take() {
            // The abandoned worker wakes up and ends, and the server is rid of the connection.
            let _ = connection.shutdown(Shutdown::Both);
        }
        self.began = None;
        self.workers += 1;
        let number = self.workers;
        let job = Job { plan: self.plan.clone(), from: self.ended.len(), addresses: self.addresses.clone() };
        let (inbox, bell) = (Arc::clone(&self.inbox), Bell::new(&job));
        let tell: Tell = Arc::new(move |event| {
            let ring = bell.is_for(&event);
            inbox.put((number, event), ring)
        });
        let worker = Arc::clone(self.worker);
        let work = move || {
            grow_heap();
            // A panic must not be a silence.
            if panic::catch_unwind(AssertUnwindSafe(|| worker(&job, &tell))).is_err() {
                tell(Event::Fault);
            }
        };
        // The handle is dropped: a worker that hangs is left behind when the process ends.
        if let Err(error) = thread::Builder::new().name("worker".to_owned()).spawn(work) {
            self.give_up(&no_thread(&error));
        }
    }

    /// When the running phase must have ended, and by which limit.
    fn deadline(&self) -> (Instant, Limit) {
        let most = self.plan.total.saturating_sub(self.plan.kept);
        let total = (self.start + most, Limit::Total(self.plan.total));
        let own = self.running().and_then(|phase| phase.limit);
        match (own, self.began) {
            (Some(own), Some(began)) if began + own < total.0 => (began + own, Limit::Own(own)),
            _ => total,
        }
    }

    fn take(&mut self, event: Event, deadline: Instant, limit: Limit) {
        match event {
            Event::Ready(at) => {
                self.began = Some(at);
                self.facts.prepared.get_or_insert(micros(at.saturating_duration_since(self.start)));
            }
            Event::Obstacle(why) | Event::NotAgain(why) => self.give_up(&why),
            Event::Fault => self.fault(),
            // The worker knows no limits: it can be done just after one. (A no that comes late is still a no.)
            Event::Ended { at, result: Ok(_) } if at > deadline => self.time_out(deadline, limit),
            Event::Ended { at, result } => self.end(at, result),
            Event::Fact(fact) => self.learn(fact),
        }
    }

    fn end(&mut self, at: Instant, result: Result<Done, Stop>) {
        let time = Some(micros(at.saturating_duration_since(self.began.unwrap_or(at))));
        let (record, lost) = match result {
            Ok(Done { messages, note }) => {
                let note = note.or_else(|| self.over_fresh_connection());
                (Some(Record { outcome: Outcome::Ok, time, messages, note }), false)
            }
            Err(Stop::Failed(failure)) => {
                let outcome = if failure.ours { Outcome::Fault } else { Outcome::Failed };
                (Some(Record::new(outcome(failure.reason))), failure.lost)
            }
            Err(Stop::Impossible) => (None, false),
        };
        let select = self.push(record, at);
        if lost && select {
            self.go_on();
        }
        if lost && self.began.is_some() {
            self.over = true;
        }
    }

    /// Without a login no mailbox can be opened: what ends the run then ends no SELECT.
    fn skip_impossible(&mut self) {
        let mut set_up =
            self.plan.phases.iter().zip(&self.ended).filter(|(phase, _)| phase.operation.mailbox().is_none());
        let is_set_up = set_up.all(|(_, record)| record.as_ref().is_some_and(|record| record.outcome == Outcome::Ok));
        while !is_set_up && self.running().is_some_and(|phase| phase.operation.mailbox().is_some()) {
            self.ended.push(None);
        }
    }

    fn time_out(&mut self, deadline: Instant, limit: Limit) {
        self.timed_out = true;
        let Some(began) = self.began else {
            return self.give_up_file(&format!("not done within {} (total limit)", text::limit(self.plan.total)));
        };
        self.skip_impossible();
        let given = micros(deadline.saturating_duration_since(began));
        let select = self.push(Some(Record { time: Some(given), ..Record::new(Outcome::TimedOut(limit)) }), deadline);
        if select && matches!(limit, Limit::Own(_)) {
            self.go_on();
        }
        if self.began.is_some() {
            self.over = true;
        }
    }

    /// One mailbox must not cost the next ones their try: those go over a fresh connection.
    fn go_on(&mut self) {
        if self.running().is_some_and(|phase| phase.operation.mailbox().is_some()) {
            if self.addresses.is_empty() {
                self.addresses.clone_from(&self.facts.addresses);
            }
            self.employ();
        }
    }

    fn over_fresh_connection(&self) -> Option<String> {
        let select = self.running().is_some_and(|phase| phase.operation.mailbox().is_some());
        (self.workers > 1 && select).then(|| "over a fresh connection".to_owned())
    }

    /// At a signal the running phase has failed.
    fn interrupt(&mut self, signal: &'static str) {
        let why = ended_by(signal, self.start.elapsed());
        if self.began.is_none() {
            return self.give_up_file(&why);
        }
        self.skip_impossible();
        self.push(Some(Record::new(Outcome::Failed(why))), Instant::now());
        self.over = true;
    }

    /// The worker panicked.
    fn fault(&mut self) {
        let fault = "internal error, please report it";
        if self.began.is_none() {
            return self.give_up(fault);
        }
        self.push(Some(Record::new(Outcome::Fault(fault.to_owned()))), Instant::now());
        self.over = true;
    }

    /// No phase is running, and none can be begun.
    fn give_up(&mut self, why: &str) {
        self.over = true;
        if self.workers > 1 {
            self.cause = Some(format!("could not connect again: {why}"));
        } else {
            self.obstacle = Some(why.to_owned());
            self.cause = Some("the run could not begin".to_owned());
        }
    }

    /// As [`Run::give_up`], with the file that was being read.
    fn give_up_file(&mut self, why: &str) {
        match &self.facts.reading {
            Some(reading) if self.workers == 1 => self.give_up(&format!("{reading}: {why}")),
            None if self.workers == 1 => self.give_up(&format!("the first phase could not begin: {why}")),
            _ => self.give_up(why),
        }
    }

    /// Ends the running phase; tells whether that was a SELECT.
    fn push(&mut self, record: Option<Record>, at: Instant) -> bool {
        let phase = self.running();
        let is = |operation: fn(&Operation) -> bool| phase.is_some_and(|phase| operation(&phase.operation));
        if record.is_some() && !is(|operation| *operation == Operation::Logout) {
            self.verdict = Some(at);
        }
        self.began = Some(at);
        self.ended.push(record);
        is(|operation| operation.mailbox().is_some())
    }

    fn learn(&mut self, fact: Fact) {
        let facts = &mut self.facts;
        match fact {
            Fact::Reading(what) => facts.reading = Some(what),
            Fact::Addresses(addresses) => facts.addresses = addresses,
            // A fresh connection tries them again.
            Fact::Tried(address) if facts.tried.contains(&address) => {}
            Fact::Tried(address) => facts.tried.push(address),
            Fact::Refused(address, why) => facts.refused.push((address, why)),
            Fact::Peer(address, connection) => {
                facts.peer = Some(address);
                self.connection = connection;
            }
            Fact::Tls(tls) => facts.tls = Some(tls),
            Fact::Certificate(certificate) => facts.certificate = Some(certificate),
            Fact::Trust(trust) => facts.trust = Some(trust),
            Fact::Dialogue(at, line) => {
                let time = at.saturating_duration_since(self.start).as_secs_f64();
                facts.dialogue.push(format!("{time:.6} {line}"));
            }
        }
    }

    /// Fills in what is missing: phases without an outcome were not run, and there is something to blame for it.
    fn report(mut self) -> Report {
        let end = self.verdict.filter(|_| self.began.is_some()).unwrap_or_else(Instant::now);
        let known = self.ended.len();
        self.ended.resize(self.plan.phases.len(), None);
        // A SELECT that was refused prevents nothing behind it: only the set-up does, and a lost connection LOGOUT.
        let mut blame = String::new();
        let mut set_up_blame = String::new();
        let mut records = Vec::with_capacity(self.plan.phases.len());
        for (place, (phase, ended)) in self.plan.phases.iter().zip(self.ended).enumerate() {
            let is_mailbox = phase.operation.mailbox().is_some();
            let blame_here = if is_mailbox && self.cause.is_none() && !self.over { &set_up_blame } else { &blame };
            let cause = self.cause.as_ref().filter(|_| place >= known).unwrap_or(blame_here);
            let record = ended.unwrap_or_else(|| Record::new(not_run(cause)));
            let ending = match &record.outcome {
                Outcome::Failed(_) | Outcome::Fault(_) => "failed",
                Outcome::TimedOut(_) => "timed out",
                Outcome::Ok | Outcome::NotRun(_) => "",
            };
            if !ending.is_empty() {
                blame = format!("{} {ending}", phase.operation.title());
                if !is_mailbox {
                    set_up_blame.clone_from(&blame);
                }
            }
            records.push(record);
        }
        Report {
            plan: self.plan.clone(),
            records,
            total: micros(end.saturating_duration_since(self.start)),
            obstacle: self.obstacle,
            timed_out: self.timed_out,
            facts: vec![self.facts],
        }
    }
}

/// Makes room in this thread's heap at once: glibc grows it by a page and a system call each, ninety times in a run. What
/// is freed of the first block teaches it to keep that much, the second one is its own.
fn grow_heap() {
    const ROOM: usize = 512 * 1024;
    for room in [ROOM, ROOM - 1024] {
        // Without room to be had it grows as it can.
        let _ = hint::black_box(Vec::<u8>::new()).try_reserve_exact(room);
    }
}

/// A phase that was not run for no reason is a fault of this program, and must not pass for anything better.
fn not_run(cause: &str) -> Outcome {
    if cause.is_empty() {
        Outcome::Fault("internal error: nothing performed this phase, please report it".to_owned())
    } else {
        Outcome::NotRun(cause.to_owned())
    }
}

fn no_thread(error: &io::Error) -> String {
    format!("no thread could be started: {}", text::io_reason(error))
}

fn ended_by(signal: &str, after: Duration) -> String {
    format!("ended by {signal} after {:.1} s", after.as_secs_f64())
}

/// To the microsecond, the resolution of every figure: what is judged is what is printed.
fn micros(duration: Duration) -> Duration {
    Duration::from_micros(duration.as_micros().try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::run::event::Failure;
    use proptest::prelude::*;
    use std::sync::Mutex;

    fn plan(arguments: &[&str]) -> Plan {
        let mut all = vec!["-H", "localhost", "-u", "joe", "--password-file", "f", "--tls=none"];
        all.extend(["-m", "a", "-m", "b", "-m", "c"]);
        all.extend(arguments);
        Plan::new(&Options::from_arguments(&all).unwrap()).unwrap()
    }

    /// How a phase of a played run ends.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Fate {
        Ok,
        Refused,
        Lost,
        Hangs,
        Panics,
    }

    /// A worker whose phases end so, by their place in the plan; what comes after them is ok.
    fn player(fates: &[Fate]) -> (Worker, Arc<Mutex<Vec<usize>>>) {
        let fates = fates.to_vec();
        let jobs = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&jobs);
        let worker: Worker = Arc::new(move |job, tell| {
            seen.lock().unwrap().push(job.from);
            tell(Event::Ready(Instant::now()));
            let mut lost = false;
            for phase in job.from..job.plan.phases.len() {
                let fate = fates.get(phase).copied().unwrap_or(Fate::Ok);
                let result = match fate {
                    _ if lost => Err(Stop::Impossible),
                    Fate::Ok => Ok(Done::default()),
                    Refused => Err(Stop::Failed(Failure::refused("NO"))),
                    Lost => Err(Stop::Failed(Failure::lost("closed"))),
                    Hangs => return thread::sleep(Duration::from_secs(5)),
                    Panics => panic!("played"),
                };
                lost |= fate == Lost;
                tell(Event::Ended { at: Instant::now(), result });
            }
        });
        (worker, jobs)
    }

    fn play(plan: &Plan, fates: &[Fate]) -> (Report, Vec<usize>) {
        let (worker, jobs) = player(fates);
        let report = supervise(plan, &[], &worker, &Signals::default(), Instant::now());
        let jobs = jobs.lock().unwrap().clone();
        (report, jobs)
    }

    fn outcomes(report: &Report) -> Vec<&Outcome> {
        report.records.iter().map(|record| &record.outcome).collect()
    }

    use Fate::{Hangs, Lost, Ok as Well, Panics, Refused};

    #[test]
    fn a_time_out_keeps_what_was_before_it_and_is_blamed_for_what_comes_after() {
        let (report, _) = play(&plan(&["-t", "0.2"]), &[Well, Well, Hangs]);
        let limit = Limit::Total(Duration::from_millis(200));
        assert_eq!(outcomes(&report)[..3], [&Outcome::Ok, &Outcome::Ok, &Outcome::TimedOut(limit)]);
        assert_eq!(outcomes(&report)[7], &Outcome::NotRun("greeting timed out".to_owned()));
        assert_eq!(report.total, Duration::from_millis(200));
        assert!(report.records[2].time.is_some_and(|time| time <= report.total));
        assert!(report.timed_out);
    }

    #[test]
    fn a_hung_or_lost_mailbox_costs_no_other_and_each_gets_one_try() {
        let (report, jobs) = play(&plan(&["--limit", "select=50ms"]), &[Well, Well, Well, Well, Hangs, Lost]);
        let limit = Limit::Own(Duration::from_millis(50));
        assert_eq!(
            outcomes(&report)[4..],
            [&Outcome::TimedOut(limit), &Outcome::Failed("closed".to_owned()), &Outcome::Ok, &Outcome::Ok]
        );
        assert_eq!(report.records[4].time, Some(Duration::from_millis(50)));
        let prepared = report.facts[0].prepared.expect("the first worker tells");
        assert!(prepared + Duration::from_millis(50) <= report.total, "before the first phase, not before a later one");
        assert_eq!(report.records[6].note.as_deref(), Some("over a fresh connection"));
        assert_eq!(report.records[7].note, None);
        assert_eq!(jobs, [0, 5, 6]);
    }

    #[test]
    fn a_refused_mailbox_needs_no_fresh_connection() {
        let (report, jobs) = play(&plan(&[]), &[Well, Well, Well, Well, Refused]);
        assert_eq!(outcomes(&report)[4..6], [&Outcome::Failed("NO".to_owned()), &Outcome::Ok]);
        assert_eq!(jobs, [0]);
    }

    #[test]
    fn a_connection_that_cannot_be_set_up_again_is_told_in_the_mailboxes_that_it_cost() {
        let worker: Worker = Arc::new(|job, tell| {
            if job.from > 0 {
                tell(Event::NotAgain("connect failed: refused".to_owned()));
                return;
            }
            tell(Event::Ready(Instant::now()));
            for phase in 0..5 {
                let result = if phase == 4 { Err(Stop::Failed(Failure::lost("closed"))) } else { Ok(Done::default()) };
                tell(Event::Ended { at: Instant::now(), result });
            }
        });
        let report = supervise(&plan(&[]), &[], &worker, &Signals::default(), Instant::now());
        let why = Outcome::NotRun("could not connect again: connect failed: refused".to_owned());
        assert_eq!(outcomes(&report)[4..], [&Outcome::Failed("closed".to_owned()), &why, &why, &why]);
        assert_eq!(report.obstacle, None);
    }

    #[test]
    fn a_signal_right_after_a_failure_blames_no_phase_that_could_not_run() {
        for (fate, last) in [(Lost, "login failed"), (Refused, "login failed")] {
            let worker: Worker = Arc::new(move |_, tell| {
                tell(Event::Ready(Instant::now()));
                for phase in 0..4 {
                    let failure = if fate == Lost { Failure::lost("no") } else { Failure::refused("no") };
                    let result = if phase == 3 { Err(Stop::Failed(failure)) } else { Ok(Done::default()) };
                    tell(Event::Ended { at: Instant::now(), result });
                }
                thread::sleep(Duration::from_secs(5));
            });
            let signals = Signals::default();
            let heard = signals.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(100));
                heard.note("SIGTERM");
            });
            let report = supervise(&plan(&["-t", "0.3"]), &[], &worker, &signals, Instant::now());
            let not_run = Outcome::NotRun(last.to_owned());
            assert_eq!(outcomes(&report)[4..7], [&not_run, &not_run, &not_run], "{fate:?}");
        }
    }

    #[test]
    fn a_phase_that_nothing_performed_is_a_fault_and_never_a_silence() {
        for refused_before in [false, true] {
            let worker: Worker = Arc::new(move |job, report| {
                report(Event::Ready(Instant::now()));
                for phase in 0..job.plan.phases.len() {
                    let result = match phase {
                        4 if refused_before => Err(Stop::Failed(Failure::refused("NO"))),
                        5 => Err(Stop::Impossible),
                        _ => Ok(Done::default()),
                    };
                    report(Event::Ended { at: Instant::now(), result });
                }
            });
            let report = supervise(&plan(&[]), &[], &worker, &Signals::default(), Instant::now());
            assert!(matches!(outcomes(&report)[5], Outcome::Fault(why) if why.starts_with("internal error")));
            assert_eq!(outcomes(&report)[6], &Outcome::Ok);
        }
    }

    #[test]
    fn a_panic_is_a_fault_of_the_running_phase_and_what_was_measured_is_kept() {
        let (report, _) = play(&plan(&[]), &[Well, Well, Well, Panics]);
        assert_eq!(outcomes(&report)[2], &Outcome::Ok);
        assert!(matches!(outcomes(&report)[3], Outcome::Fault(_)));
        assert_eq!(outcomes(&report)[4], &Outcome::NotRun("login failed".to_owned()));
    }

    #[test]
    fn a_file_that_hangs_is_named() {
        let worker: Worker = Arc::new(|_, tell| {
            tell(Event::Fact(Fact::Reading("--password-file: f".to_owned())));
            thread::sleep(Duration::from_secs(5));
        });
        let report = supervise(&plan(&["-t", "0.1"]), &[], &worker, &Signals::default(), Instant::now());
        assert_eq!(report.obstacle.as_deref(), Some("--password-file: f: not done within 0.1 s (total limit)"));
        assert!(report.records.iter().all(|record| matches!(record.outcome, Outcome::NotRun(_))));
    }

    #[test]
    fn what_blocks_is_given_up() {
        let signals = Signals::default();
        assert_eq!(within(Duration::from_secs(5), Duration::ZERO, &signals, || 1), Ok(1));
        let sleep = || thread::sleep(Duration::from_secs(5));
        assert!(
            within(Duration::from_millis(20), Duration::ZERO, &signals, sleep).unwrap_err().contains("within 0.02 s")
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn every_planned_phase_has_one_outcome_in_time_whatever_becomes_of_the_worker(
            fates in proptest::collection::vec(prop::sample::select(vec![Well, Well, Well, Refused, Lost, Hangs, Panics]), 0..9),
        ) {
            let begun = Instant::now();
            let plan = plan(&["-t", "0.1", "--limit", "select=20ms"]);
            let (report, _) = play(&plan, &fates);
            prop_assert!(begun.elapsed() < Duration::from_secs(4));
            prop_assert_eq!(report.records.len(), plan.phases.len());
            let hung = report.records.iter().any(|record| matches!(record.outcome, Outcome::TimedOut(_)));
            prop_assert_eq!(hung, report.timed_out);
        }
    }
}
