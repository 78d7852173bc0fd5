//! Options, plan, run, judgement, output, exit code.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;
// Unwinds in place of libgcc_s: Cargo.toml says why.
#[cfg(all(target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
use unwinding as _;

use check_imap_session::ask::ask_person;
use check_imap_session::check::check;
use check_imap_session::options::{Options, Request, find_repetition};
use check_imap_session::output::deliver::{Answer, deliver};
use check_imap_session::output::render_unknown;
use check_imap_session::plan::Plan;
use check_imap_session::repeat::repeat;
use check_imap_session::run::signals::Signals;

fn main() {
    let start = Instant::now();
    // Standard error must stay empty: Icinga 2 would put it in front of the output.
    panic::set_hook(Box::new(|_| {}));
    // A file that grows beyond its limit (ulimit -f) gives an error, not the end of the process without a word.
    let _ = flag::register(SIGXFSZ, Arc::default());
    let signals = Signals::default();
    let answered = panic::catch_unwind(AssertUnwindSafe(|| answer(&signals, start)))
        .unwrap_or_else(|_| Answer::without_state(render_unknown("internal error, please report it")));
    std::process::exit(deliver(&answered, signals));
}

/// Everything that a command line asks for.
fn answer(signals: &Signals, start: Instant) -> Answer {
    let mut options = match Options::from_process(signals) {
        Ok(Request::Check(options)) => options,
        Ok(Request::Text(text)) => return Answer::without_state(text),
        Err(why) => return Answer::without_state(render_unknown(&why)),
    };
    let plan = match Plan::new(&options.plan) {
        Ok(plan) => plan,
        Err(why) => return Answer::without_state(render_unknown(&why)),
    };
    let start = match ask_person(&mut options, signals) {
        Ok(true) => Instant::now(),
        Ok(false) => start,
        Err(why) => return Answer::without_state(render_unknown(&why)),
    };
    match find_repetition(&options) {
        Some(repetition) => repeat(*options, &plan, repetition, signals),
        None => check(&options, &plan, signals, start),
    }
}
