//! Options, plan, run, judgement, output, exit code.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use nagiosplugin::ServiceState;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

use check_imap_session::options::{Options, Request};
use check_imap_session::output::deliver::{Answer, deliver};
use check_imap_session::output::timeline::live::LiveView;
use check_imap_session::output::{render_unknown, textfile};
use check_imap_session::plan::Plan;
use check_imap_session::report::judge::judge;
use check_imap_session::run::run;
use check_imap_session::run::signals::Signals;

fn main() {
    let start = Instant::now();
    // Standard error must stay empty: Icinga 2 would put it in front of the output.
    panic::set_hook(Box::new(|_| {}));
    // A file that grows beyond its limit (ulimit -f) gives an error, not the end of the process without a word.
    let _ = flag::register(SIGXFSZ, Arc::default());
    let signals = Signals::default();
    let answer = panic::catch_unwind(AssertUnwindSafe(|| check(&signals, start)))
        .unwrap_or_else(|_| Answer::without_state(render_unknown("internal error, please report it")));
    std::process::exit(deliver(&answer, signals));
}

/// The whole run.
fn check(signals: &Signals, start: Instant) -> Answer {
    let prepared = Options::from_process(signals).and_then(|request| match request {
        Request::Check(options) => Plan::new(&options.plan).map(|plan| Ok((options, plan))),
        Request::Text(text) => Ok(Err(text)),
    });
    let (options, plan) = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(text)) => return Answer::without_state(text),
        Err(why) => return Answer::without_state(render_unknown(&why)),
    };
    let settings = options.output_settings();
    let (view, observer) = settings.terminal.map(|_| LiveView::begin(start)).unzip();
    let mut report = run(plan, &Arc::new(options.worker_settings()), observer, signals, start);
    if let Some(view) = view {
        view.end();
    }
    if let Some(file) = &options.textfile {
        textfile::write_in_time(file, options.list_files(), &mut report, &settings, signals, start);
    }
    let judged = judge(&report, Utc::now());
    let code = if options.exit_ok { ServiceState::Ok } else { judged.state }.exit_code();
    let text = (options.format.render)(&judged, &settings);
    // A state is in the exit code as well. Half of a document is of no use.
    let is_useless = code == 0 && options.format.is_whole_or_nothing;
    let code_if_cut = if is_useless { ServiceState::Unknown.exit_code() } else { code };
    Answer { text, code, code_if_cut, patience: options.plan.timeout.saturating_sub(start.elapsed()) }
}
