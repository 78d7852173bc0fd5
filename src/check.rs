//! One run of the plan as the options want it: performed, written to `--textfile`, judged, printed.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use nagiosplugin::ServiceState;

use crate::options::Options;
use crate::output::deliver::Answer;
use crate::output::textfile;
use crate::output::timeline::live::LiveView;
use crate::plan::Plan;
use crate::report::Report;
use crate::report::judge::judge;
use crate::run::run;
use crate::run::signals::Signals;
use crate::run::worker::Worker;

/// Performs the plan once and answers with its report.
#[must_use]
pub fn check(options: &Options, plan: &Plan, signals: &Signals, start: Instant) -> Answer {
    let settings = options.make_output_settings();
    let (mut report, worker) = perform(options, plan, settings.terminal.is_some(), signals, start);
    write_textfile(options, &mut report, signals, start);
    // The process ends soon, and its memory with it. To take OpenSSL's context apart would cost 0.2 % of a run.
    mem::forget(worker);
    let judged = judge(&report, Utc::now());
    let text = (options.format.render)(&judged, &settings);
    make_answer(options, judged.state, text, start)
}

/// Performs the plan, with a picture of it if there is a terminal to draw on. Returns the worker as `run` does.
#[must_use]
pub fn perform(options: &Options, plan: &Plan, is_drawn: bool, signals: &Signals, start: Instant) -> (Report, Worker) {
    let (view, observer) = is_drawn.then(|| LiveView::begin(start)).unzip();
    let done = run(plan.clone(), &Arc::new(options.make_worker_settings()), observer, signals, start);
    if let Some(view) = view {
        view.end();
    }
    done
}

/// Writes the report to `--textfile`, if there is one.
pub fn write_textfile(options: &Options, report: &mut Report, signals: &Signals, start: Instant) {
    if let Some(file) = &options.textfile {
        let settings = options.make_output_settings();
        textfile::write_in_time(file, options.list_files(), report, &settings, signals, start);
    }
}

/// The text with the exit code of this state.
#[must_use]
pub fn make_answer(options: &Options, state: ServiceState, text: String, start: Instant) -> Answer {
    let code = if options.exit_ok { ServiceState::Ok } else { state }.exit_code();
    // A state is in the exit code as well. Half of a document is of no use.
    let is_useless = code == 0 && options.format.is_whole_or_nothing;
    let code_if_cut = if is_useless { ServiceState::Unknown.exit_code() } else { code };
    Answer { text, code, code_if_cut, patience: options.plan.timeout.saturating_sub(start.elapsed()) }
}
