//! Options, plan, run, judgement, output, exit code.

use check_imap_session::options::extra_opts;
use check_imap_session::options::{Format, Options, PASSWORD_VARIABLE, Request};
use check_imap_session::output::deliver::{Answer, STUCK, deliver};
use check_imap_session::output::textfile;
use check_imap_session::plan::Plan;
use check_imap_session::report::Report;
use check_imap_session::report::judge::judge;
use check_imap_session::run::signals::Signals;
use check_imap_session::run::{self, supervisor};
use check_imap_session::{output, text};
use chrono::Utc;
use nagiosplugin::ServiceState;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;
use std::os::unix::ffi::OsStringExt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What writing `--textfile` is given where less is left of the total.
const GRACE: Duration = Duration::from_millis(30);

fn main() {
    let start = Instant::now();
    // Standard error must stay empty: Icinga 2 would put it in front of the output.
    panic::set_hook(Box::new(|_| {}));
    // Beyond the limit of a file's size (ulimit -f) comes an error, not the end without a word.
    let _ = flag::register(SIGXFSZ, Arc::default());
    let signals = Signals::default();
    let answer = panic::catch_unwind(AssertUnwindSafe(|| check(&signals, start)))
        .unwrap_or_else(|_| unknown("internal error, please report it"));
    std::process::exit(deliver(&answer, signals));
}

/// The whole run.
fn check(signals: &Signals, start: Instant) -> Answer {
    let options = match options(signals) {
        Ok(Request::Check(options)) => Arc::new(*options),
        Ok(Request::Text(text)) => return without_state(text),
        Err(why) => return unknown(&why),
    };
    let plan = match Plan::new(&options) {
        Ok(plan) => plan,
        Err(why) => return unknown(&why),
    };
    let mut report = run::run(&plan, &options, signals, start);
    let now = Utc::now();
    if let Err(why) = write_textfile(&report, &options, signals, start) {
        let before = report.obstacle.map(|obstacle| obstacle + ", ").unwrap_or_default();
        report.obstacle = Some(format!("{before}--textfile: {why}"));
    }
    let verdict = judge(&report, &options, now);
    let code = if options.exit_ok { ServiceState::Ok } else { verdict.state }.exit_code();
    let text = output::render(options.output, &report, &verdict, &options, now);
    // A state is in the exit code as well. Of a document half is nothing.
    let lost = if code == 0 && options.output != Format::Nagios { ServiceState::Unknown.exit_code() } else { code };
    let patience = options.timeout.saturating_sub(start.elapsed()).max(STUCK);
    Answer { text, code, lost, patience }
}

/// Writes the report for Prometheus in what is left of the total: the file may be on a dead mount.
fn write_textfile(report: &Report, options: &Options, signals: &Signals, start: Instant) -> Result<(), String> {
    let Some(file) = options.textfile.clone() else { return Ok(()) };
    let samples = output::prometheus(report, options);
    let name = text::shown(&file.to_string_lossy());
    // What could not be read in time would keep us here, too.
    let is_dead = report.obstacle.is_some() && report.timed_out;
    let needed = if is_dead { Vec::new() } else { options.files() };
    let left = options.timeout.saturating_sub(start.elapsed()).as_millis();
    // Without the microseconds, which nobody wants to read.
    let left = Duration::from_millis(left.try_into().unwrap_or_default());
    supervisor::within(left.max(GRACE), STUCK, signals, move || textfile::write(&file, &samples, &needed))
        .unwrap_or_else(|why| Err(format!("{name}: {why}")))
}

fn options(signals: &Signals) -> Result<Request, String> {
    let mut arguments = Vec::new();
    for (number, argument) in std::env::args_os().enumerate().skip(1) {
        // Not shown: it may be a password.
        arguments.push(argument.into_string().map_err(|_| format!("argument {number} is not UTF-8"))?);
    }
    let password = std::env::var_os(PASSWORD_VARIABLE).map(OsStringExt::into_vec);
    if !extra_opts::wanted(&arguments) {
        return Options::parse(&arguments, password);
    }
    // A file may be on a dead mount.
    let limit = Options::timeout_hint(&arguments);
    let files = extra_opts::shown(&arguments);
    supervisor::within(limit, Duration::ZERO, signals, move || Options::parse(&arguments, password))
        .unwrap_or_else(|why| Err(format!("{files}: {why}")))
}

fn unknown(why: &str) -> Answer {
    without_state(output::unknown(why))
}

/// Nothing was checked.
fn without_state(text: String) -> Answer {
    let code = ServiceState::Unknown.exit_code();
    Answer { text, code, lost: code, patience: STUCK }
}
