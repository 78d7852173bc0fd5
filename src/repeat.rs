//! `--repeat`: runs one after the other, a line each, for finding what is slow only sometimes.

use std::time::{Duration, Instant};

use chrono::Utc;
use nagiosplugin::ServiceState;

use crate::ask::read_standard_input;
use crate::check::{make_answer, perform, write_textfile};
use crate::options::{Options, Repetition};
use crate::output::deliver::{Answer, print};
use crate::output::render_unknown;
use crate::output::tally::Tally;
use crate::plan::Plan;
use crate::report::judge::judge;
use crate::run::signals::Signals;
use crate::run::wakeup::{Next, Queue};

/// Performs the plan as often as the user wants, or until a signal comes. The answer has the worst state.
#[must_use]
pub fn repeat(mut options: Options, plan: &Plan, repetition: Repetition, signals: &Signals) -> Answer {
    if let Err(why) = read_standard_input(&mut options, signals) {
        return Answer::without_state(render_unknown(&why));
    }
    let settings = options.make_output_settings();
    let Some(repeated) = options.format.repeated else { return Answer::without_state(String::new()) };
    let mut tally = Tally::default();
    let mut worst = ServiceState::Ok;
    let mut start = Instant::now();
    for number in 1..=repetition.times {
        start = Instant::now();
        let (mut report, _) = perform(&options, plan, false, signals, start);
        // A run that the user ends says nothing about the server, unless it is the only one.
        let is_ended = signals.caught().is_some();
        if is_ended && number > 1 {
            break;
        }
        write_textfile(&options, &mut report, signals, start);
        let judged = judge(&report, Utc::now());
        worst = worst.max(judged.state);
        tally.add(&judged);
        if !print(&(repeated.line)(&judged, &settings), start + options.plan.timeout) || is_ended {
            break;
        }
        if number < repetition.times && pause(repetition.interval, signals) {
            break;
        }
    }
    make_answer(&options, worst, (repeated.table)(&tally, &settings), start)
}

/// Waits for this interval. True if a signal ended the waiting.
fn pause(interval: Duration, signals: &Signals) -> bool {
    let queue: Queue<()> = Queue::new(signals);
    matches!(queue.take(Instant::now() + interval), Next::Signal(_))
}
