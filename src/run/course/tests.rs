use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::options::Options;
use crate::run::event::is_urgent;

const TASKS: [&str; 3] = ["select a", "select b", "select c"];

/// A course with its own clock. The plan: resolve, connect, greeting, login, select a, b, c, logout.
struct Played {
    course: Course,
    start: Instant,
    now: Instant,
}

impl Played {
    fn new(arguments: &str) -> Self {
        let mut all = vec!["-H", "localhost", "-u", "joe", "--password-file", "f", "--tls=none"];
        all.extend(["-m", "a", "-m", "b", "-m", "c"]);
        all.extend(arguments.split_whitespace());
        let plan = Arc::new(Plan::new(&Options::from_arguments(&all).unwrap().plan).unwrap());
        let start = Instant::now();
        Self { course: Course::new(plan, start), start, now: start }
    }

    fn after(&mut self, milliseconds: u64) -> &mut Self {
        self.now += Duration::from_millis(milliseconds);
        self
    }

    fn event(&mut self, event: Event) -> Effect {
        self.course.take(Input::Event(event), self.now)
    }

    fn ready(&mut self, phase: usize) -> Effect {
        let at = self.now;
        self.event(Event::Ready { phase, at })
    }

    fn end(&mut self, phase: usize, result: Result<(), Stop>) -> Effect {
        let at = self.now;
        self.event(Event::Ended { phase, at, result, yielded: Yield::default() })
    }

    /// Each phase up to this one, without it, is done in a millisecond.
    fn up_to(arguments: &str, phase: usize) -> Self {
        let mut played = Self::new(arguments);
        assert_eq!(played.ready(0), Effect::Wait);
        for phase in 0..phase {
            assert_eq!(played.after(1).end(phase, Ok(())), Effect::Wait);
        }
        played
    }

    /// The deadline passes.
    fn hang(&mut self) -> Effect {
        self.now = self.course.find_deadline().0;
        self.course.take(Input::Deadline(None), self.now)
    }

    fn interrupt(&mut self) -> Effect {
        self.course.take(Input::Signal("SIGTERM", None), self.now)
    }

    fn report(self) -> Report {
        self.course.report(self.now)
    }
}

fn refused() -> Result<(), Stop> {
    Err(Stop::Failed(Failure::refused("NO")))
}

fn lost() -> Result<(), Stop> {
    Err(Stop::Failed(Failure::lost("closed")))
}

fn not_sent() -> Result<(), Stop> {
    Err(Stop::NotSent("closed".into()))
}

/// The outcome of each phase in words: `ok`, `failed: closed`, `timed out`, `not run: login failed`.
fn outcomes(report: &Report) -> Vec<String> {
    let describe = |report: &PhaseReport| match &report.outcome {
        Outcome::Ok => "ok".to_owned(),
        Outcome::Failed(reason) => format!("failed: {reason}"),
        Outcome::Fault(reason) => format!("fault: {reason}"),
        Outcome::TimedOut(Limit::Own(_)) => "own limit".to_owned(),
        Outcome::TimedOut(Limit::Total(_)) => "total limit".to_owned(),
        Outcome::NotRun(cause) => format!("not run: {}", cause.why),
    };
    report.phases.iter().map(describe).collect()
}

/// One row: a phase, what happens in it, the effect, and the outcomes from that phase on if nothing more happens.
type Row = (&'static str, usize, fn(&mut Played) -> Effect, Effect, &'static [&'static str]);

const RECONNECT: Effect = Effect::Reconnect { from: 5, reopen: None };

#[test]
fn what_follows_from_each_thing_that_can_happen() {
    let rows: &[Row] = &[
        (
            "a step is refused",
            3,
            |p| p.end(3, refused()),
            Effect::Wait,
            &[
                "failed: NO",
                "not run: login failed",
                "not run: login failed",
                "not run: login failed",
                "not run: login failed",
            ],
        ),
        (
            "a step loses the connection",
            2,
            |p| p.end(2, lost()),
            Effect::Stop,
            &["failed: closed", "not run: greeting failed", "not run: greeting failed"],
        ),
        ("a step hangs", 3, Played::hang, Effect::Stop, &["total limit", "not run: login timed out"]),
        ("a task is refused", 4, |p| p.end(4, refused()), Effect::Wait, &["failed: NO"]),
        (
            "a task loses the connection",
            4,
            |p| p.end(4, lost()),
            RECONNECT,
            &["failed: closed", "not run: select a failed", "not run: select a failed"],
        ),
        ("a task hangs until its own limit", 4, Played::hang, RECONNECT, &["own limit", "not run: select a timed out"]),
        (
            "the last task loses the connection",
            6,
            |p| p.end(6, lost()),
            Effect::Stop,
            &["failed: closed", "not run: select c failed"],
        ),
        (
            "the monitoring host lacks something",
            1,
            |p| p.end(1, Err(Stop::Failed(Failure::local("no files")))),
            Effect::Stop,
            &["fault: no files", "not run: connect failed"],
        ),
        (
            "a panic",
            4,
            |p| p.event(Event::Panicked),
            Effect::Stop,
            &["fault: internal error, please report it", "not run: select a failed"],
        ),
        (
            "an outcome of another phase",
            4,
            |p| p.end(6, Ok(())),
            Effect::Stop,
            &["fault: internal error, please report it"],
        ),
        (
            "nothing performs a task",
            4,
            |p| p.end(4, Err(Stop::Impossible)),
            Effect::Wait,
            &["fault: internal error: nothing performed this phase, please report it"],
        ),
        (
            "a signal",
            4,
            |p| p.after(2496).interrupt(),
            Effect::Stop,
            &["failed: ended by SIGTERM after 2.5 s", "not run: select a failed"],
        ),
        ("the end is refused", 7, |p| p.end(7, refused()), Effect::Stop, &["failed: NO"]),
        ("all is done", 7, |p| p.end(7, Ok(())), Effect::Stop, &["ok"]),
    ];
    for (name, phase, happens, effect, wanted) in rows {
        let mut played = Played::up_to("--limit select:a=0.5", *phase);
        assert_eq!(happens(&mut played), *effect, "{name}");
        let outcomes = outcomes(&played.report());
        assert!(outcomes[..*phase].iter().all(|outcome| outcome == "ok"), "{name}: {outcomes:?}");
        assert_eq!(outcomes[*phase..][..wanted.len()], **wanted, "{name}");
    }
}

#[test]
fn a_timeout_reports_the_time_that_was_given_and_a_run_that_it_ended_took_its_limit() {
    let mut played = Played::up_to("-t 0.2", 2);
    assert_eq!(played.hang(), Effect::Stop);
    let report = played.report();
    assert_eq!(report.phases[2].time, Some(Duration::from_millis(198)));
    assert_eq!((report.duration, report.timed_out), (Duration::from_millis(200), true));
}

#[test]
fn an_answer_just_after_the_limit_is_a_timeout_and_a_refusal_is_still_a_refusal() {
    for (result, wanted) in [(Ok(()), "own limit"), (refused(), "failed: NO")] {
        let mut played = Played::up_to("--limit select=20ms", 4);
        played.after(21).end(4, result);
        assert_eq!(outcomes(&played.report())[4], wanted);
    }
}

#[test]
fn the_rest_goes_over_a_fresh_connection_and_each_task_gets_one_try() {
    let mut played = Played::up_to("--limit select=50ms", 4);
    assert_eq!(played.hang(), Effect::Reconnect { from: 5, reopen: None });
    assert_eq!(played.after(30).ready(5), Effect::Wait);
    assert_eq!(played.after(1).end(5, lost()), Effect::Reconnect { from: 6, reopen: None });
    assert_eq!(played.after(30).ready(6), Effect::Wait);
    played.after(1).end(6, Ok(()));
    played.after(1).end(7, Ok(()));
    let report = played.report();
    assert_eq!(outcomes(&report)[4..], ["own limit", "failed: closed", "ok", "ok"]);
    assert_eq!(report.phases[6].notes, ["over a fresh connection"]);
    assert!(report.phases[7].notes.is_empty());
    assert_eq!(report.phases[6].time, Some(Duration::from_millis(1)), "its set-up is not a part of it");
}

#[test]
fn a_connection_that_cannot_be_set_up_again_is_the_reason_of_all_that_it_cost() {
    let why = "not run: could not connect again: connect failed: refused";
    for late in [false, true] {
        let mut played = Played::up_to("-t 5", 4);
        played.end(4, lost());
        let effect = if late {
            played.hang()
        } else {
            played.event(Event::CannotReconnect("connect failed: refused".to_owned()))
        };
        assert_eq!(effect, Effect::Stop);
        let report = played.report();
        let wanted = if late { "not run: could not connect again: not done within 5 s (total limit)" } else { why };
        assert_eq!(outcomes(&report)[5..], [wanted; 3]);
        assert_eq!((&report.obstacle, report.timed_out), (&None, late));
        assert!(matches!(&report.phases[5].outcome, Outcome::NotRun(Cause { phase: None, .. })));
    }
}

#[test]
fn a_fresh_connection_that_is_never_ready_is_reported_with_the_last_words_of_the_server() {
    let words = || Some("NO too many sessions".to_owned());
    for (input, why) in [
        (Input::Deadline(words()), "not done within 5 s (total limit)"),
        (Input::Signal("SIGTERM", words()), "ended by SIGTERM after 0.0 s"),
    ] {
        let mut played = Played::up_to("-t 5", 4);
        played.end(4, lost());
        assert_eq!(played.course.take(input, played.now), Effect::Stop);
        let wanted = format!("not run: could not connect again: {why}, last line of the server: NO too many sessions");
        assert_eq!(outcomes(&played.report())[5..], [wanted.as_str(); 3]);
    }
}

#[test]
fn a_run_that_cannot_begin_names_what_hangs_and_blames_no_phase() {
    for (reading, obstacle) in [
        (Some("--password-file: f"), "--password-file: f: not done within 0.1 s (total limit)"),
        (None, "the first phase could not begin: not done within 0.1 s (total limit)"),
    ] {
        let mut played = Played::new("-t 0.1");
        if let Some(file) = reading {
            played.course.facts.reading = Some(file.to_owned());
        }
        assert_eq!(played.hang(), Effect::Stop);
        let report = played.report();
        assert_eq!(report.obstacle.as_deref(), Some(obstacle));
        assert_eq!(outcomes(&report), ["not run: the run could not begin"; 8]);
    }
}

#[test]
fn what_ends_a_run_right_after_a_refused_login_ends_no_task() {
    for signal in [false, true] {
        let mut played = Played::up_to("-t 0.3", 3);
        played.end(3, refused());
        if signal {
            played.interrupt();
        } else {
            played.hang();
        }
        assert_eq!(outcomes(&played.report())[4..7], ["not run: login failed"; 3]);
    }
}

#[test]
fn the_time_before_the_first_phase_is_a_fact_that_a_fresh_connection_does_not_change() {
    let mut played = Played::new("");
    played.after(7).ready(0);
    for phase in 0..4 {
        played.after(1).end(phase, Ok(()));
    }
    played.after(1).end(4, lost());
    played.after(100).ready(5);
    assert_eq!(played.report().facts[0].preparation, Some(Duration::from_millis(7)));
}

#[test]
fn a_task_that_was_not_sent_is_performed_over_a_fresh_connection_and_the_one_before_keeps_its_outcome() {
    let mut played = Played::up_to("", 4);
    played.end(4, refused());
    // The fresh connection is lost in the same way. That is said once.
    for _ in 0..2 {
        assert_eq!(played.end(5, not_sent()), Effect::Reconnect { from: 5, reopen: None });
        played.after(5).ready(5);
    }
    played.end(5, Ok(()));
    // A loss behind the last task concerns nobody.
    played.end(6, Ok(()));
    let report = played.report();
    assert_eq!(outcomes(&report)[4..7], ["failed: NO", "ok", "ok"]);
    assert_eq!(
        (&report.phases[4].notes, &report.phases[5].notes),
        (&vec!["behind it: closed".to_owned()], &vec!["over a fresh connection".to_owned()])
    );
}

#[test]
fn three_fresh_connections_in_a_row_that_are_lost_at_once_are_enough() {
    for answered in [false, true] {
        let mut played = with_openers();
        played.end(4, lost());
        played.after(5).ready(5);
        played.end(5, lost());
        played.after(5).ready(8);
        if answered {
            played.end(8, Ok(()));
            continue;
        }
        assert_eq!(played.end(8, not_sent()), Effect::Reconnect { from: 8, reopen: None });
        played.after(5).ready(8);
        assert_eq!(played.end(8, not_sent()), Effect::Stop);
        let wanted = "not run: 3 fresh connections in a row were lost at once";
        assert_eq!(outcomes(&played.report())[8..], [wanted; 2]);
    }
}

#[test]
fn remarks_belong_to_the_phase_that_ends_next_and_advice_to_the_one_that_failed_last() {
    let remark = |text: &str| Remark::Alert(text.to_owned());
    let mut played = Played::up_to("", 3);
    for text in ["full", "full", "slow"] {
        played.event(Event::Remark(remark(text)));
    }
    played.end(3, refused());
    played.event(Event::Advice("ask".to_owned()));
    played.event(Event::Remark(remark("late")));
    let report = played.report();
    assert_eq!(report.phases[3].remarks, ["full", "slow", "late"].map(remark));
    assert_eq!(outcomes(&report)[3], "failed: NO (ask)");
    assert!(report.phases.iter().filter(|phase| phase.is_not_run()).all(|phase| phase.remarks.is_empty()));
}

/// The next step of a worker or of the clock.
#[derive(Clone, Copy, Debug)]
enum Move {
    Ready,
    Ok,
    Refused,
    Lost,
    NotSent,
    Impossible,
    WrongPhase,
    CannotBegin,
    CannotReconnect,
    Panicked,
    Fact,
    Remark,
    Advice,
    Deadline,
    Signal,
}

impl Move {
    const ALL: [Self; 15] = [
        Self::Ready,
        Self::Ok,
        Self::Refused,
        Self::Lost,
        Self::NotSent,
        Self::Impossible,
        Self::WrongPhase,
        Self::CannotBegin,
        Self::CannotReconnect,
        Self::Panicked,
        Self::Fact,
        Self::Remark,
        Self::Advice,
        Self::Deadline,
        Self::Signal,
    ];

    fn make(self, phase: usize, at: Instant) -> Input {
        let ended = |phase, result| Event::Ended { phase, at, result, yielded: Yield::default() };
        Input::Event(match self {
            Self::Ready => Event::Ready { phase, at },
            Self::Ok => ended(phase, Ok(())),
            Self::Refused => ended(phase, refused()),
            Self::Lost => ended(phase, lost()),
            Self::NotSent => ended(phase, not_sent()),
            Self::Impossible => ended(phase, Err(Stop::Impossible)),
            Self::WrongPhase => ended(phase + 1, Ok(())),
            Self::CannotBegin => Event::CannotBegin("no".to_owned()),
            Self::CannotReconnect => Event::CannotReconnect("no".to_owned()),
            Self::Panicked => Event::Panicked,
            Self::Fact => Event::Fact(crate::facts::Fact::Tried(SocketAddr::from(([127, 0, 0, 1], 143)))),
            Self::Remark => Event::Remark(Remark::Alert("full".to_owned())),
            Self::Advice => Event::Advice("ask".to_owned()),
            Self::Deadline => return Input::Deadline(None),
            Self::Signal => return Input::Signal("SIGTERM", None),
        })
    }
}

proptest! {
    #[test]
    fn every_phase_has_one_outcome_whatever_happens(
        moves in proptest::collection::vec((prop::sample::select(&Move::ALL[..]), 0_u64..40), 0..40),
        limits in prop::sample::select(vec!["-t 0.1", "-t 0.1 --limit select=20ms", "-t 9 --limit login=5ms --limit select:b=1ms"]),
    ) {
        let mut played = Played::new(limits);
        let plan = Arc::clone(&played.course.plan);
        for (next, milliseconds) in moves {
            played.after(milliseconds);
            let phase = played.course.ended.len();
            let before = (played.course.find_deadline(), played.course.stage);
            let input = next.make(phase, played.now);
            let urgent = if let Input::Event(event) = &input { is_urgent(&plan, event) } else { true };
            let effect = played.course.take(input, played.now);
            // An event that can wait brings the deadline no nearer, so the supervisor need not know it at once.
            if !urgent && before.1 != Stage::Over && matches!(played.course.stage, Stage::Running { .. }) {
                prop_assert_eq!(effect, Effect::Wait);
                prop_assert!(played.course.find_deadline().0 >= before.0.0);
            }
            prop_assert_eq!(effect == Effect::Stop, played.course.stage == Stage::Over);
            if let Effect::Reconnect { from, .. } = effect {
                prop_assert!(TASKS.contains(&plan.phases[from].make_title().as_str()));
                prop_assert_eq!(from, played.course.ended.len());
            }
        }
        let total = plan.total;
        let (start, now) = (played.start, played.now);
        let report = played.report();
        prop_assert_eq!(report.phases.len(), plan.phases.len());
        for (report, phase) in report.phases.iter().zip(&plan.phases) {
            prop_assert_eq!(report.phase.make_title(), phase.make_title());
            prop_assert!(report.time.is_none_or(|time| time <= total.max(now - start)));
        }
        let hung = report.phases.iter().any(|report| matches!(report.outcome, Outcome::TimedOut(_)));
        prop_assert!(!hung || report.timed_out);
        // A phase is not run because of one that stands before it and is not ok.
        for (place, phase) in report.phases.iter().enumerate() {
            if let Outcome::NotRun(Cause { phase: Some(cause), .. }) = phase.outcome {
                prop_assert!(cause < place && report.phases[cause].outcome != Outcome::Ok);
            }
        }
    }
}

/// A course whose plan is: resolve, connect, greeting, login, select a, noop, age a, search a, status b, logout.
fn with_openers() -> Played {
    let mut all = vec!["-H", "localhost", "-u", "joe", "--password-file", "f", "--tls=none", "--limit", "noop=20ms"];
    all.extend(["-m", "a", "-O", "noop", "-O", "age:a", "-O", "search:a?ALL", "-O", "status:b"]);
    let plan = Arc::new(Plan::new(&Options::from_arguments(&all).unwrap().plan).unwrap());
    let start = Instant::now();
    let mut played = Played { course: Course::new(plan, start), start, now: start };
    played.ready(0);
    for phase in 0..4 {
        played.after(1).end(phase, Ok(()));
    }
    played
}

#[test]
fn what_needs_a_mailbox_that_could_not_be_opened_is_not_run_and_costs_no_other() {
    let mut played = with_openers();
    played.end(4, refused());
    played.end(5, Ok(()));
    played.end(6, Err(Stop::Impossible));
    played.end(7, Err(Stop::Impossible));
    played.end(8, Ok(()));
    let outcomes_after = outcomes(&played.report());
    let not_run = "not run: select a failed";
    assert_eq!(outcomes_after[4..9], ["failed: NO", "ok", not_run, not_run, "ok"]);
}

#[test]
fn a_mailbox_is_opened_again_over_a_fresh_connection_if_something_behind_needs_it() {
    let mut played = with_openers();
    played.end(4, Ok(()));
    assert_eq!(played.hang(), Effect::Reconnect { from: 6, reopen: Some(4) });
    played.after(5).ready(6);
    assert_eq!(played.end(6, lost()), Effect::Reconnect { from: 7, reopen: Some(4) });
    played.after(5).ready(7);
    assert_eq!(played.end(7, lost()), Effect::Reconnect { from: 8, reopen: None });
}

#[test]
fn what_needs_a_mailbox_whose_opening_cost_the_connection_is_passed_over() {
    let mut played = with_openers();
    assert_eq!(played.end(4, lost()), Effect::Reconnect { from: 5, reopen: None });
    played.after(5).ready(5);
    // It costs the connection, and what comes next cannot be done either.
    assert_eq!(played.hang(), Effect::Reconnect { from: 8, reopen: None });
    let not_run = "not run: select a failed";
    played.after(5).ready(8);
    played.end(8, Ok(()));
    assert_eq!(outcomes(&played.report())[4..9], ["failed: closed", "own limit", not_run, not_run, "ok"]);
}
