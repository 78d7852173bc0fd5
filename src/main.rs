//! Options, plan, run, judgement, output, exit code. The only file that prints.

use check_imap_session::judge::judge;
use check_imap_session::options::{Options, PASSWORD_VARIABLE, Request};
use check_imap_session::outcome::Report;
use check_imap_session::plan::Plan;
use check_imap_session::signals::Signals;
use check_imap_session::{every, extra_opts, output, supervisor, text, textfile};
use chrono::Utc;
use nagiosplugin::ServiceState;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// What the smallest pipe takes without a reader.
const PIPE: usize = 4096;
/// What writing `--textfile` is given where less is left of the total.
const GRACE: Duration = Duration::from_millis(30);
/// How long a reader may take for more.
const STUCK: Duration = Duration::from_millis(200);

fn main() {
    let start = Instant::now();
    // Standard error must stay empty: Icinga 2 would put it in front of the output.
    panic::set_hook(Box::new(|_| {}));
    let signals = Signals::default();
    let (output, code) = panic::catch_unwind(AssertUnwindSafe(|| check(&signals, start)))
        .unwrap_or_else(|_| unknown("internal error, please report it"));
    if output.len() > PIPE {
        // A reader that does not read must not keep us.
        let watch = move || {
            thread::sleep(STUCK);
            std::process::exit(code);
        };
        // Without a thread to be had we write all the same.
        let _ = thread::Builder::new().spawn(watch);
    }
    // A closed standard output is no reason to fail: the exit code still tells.
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(output.as_bytes()).and_then(|()| stdout.flush());
    std::process::exit(code);
}

/// The whole run: its output and its exit code.
fn check(signals: &Signals, start: Instant) -> (String, i32) {
    let options = match options(signals) {
        Ok(Request::Check(options)) => Arc::new(*options),
        Ok(Request::Text(text)) => return (text, ServiceState::Unknown.exit_code()),
        Err(why) => return unknown(&why),
    };
    let plan = match Plan::new(&options) {
        Ok(plan) => plan,
        Err(why) => return unknown(&why),
    };
    let mut report = every::run(&plan, &options, signals, start);
    let now = Utc::now();
    if let Err(why) = write_textfile(&report, &options, signals, start) {
        report.obstacle.get_or_insert(format!("--textfile: {why}"));
    }
    let verdict = judge(&report, &options, now);
    let code = if options.exit_ok { ServiceState::Ok } else { verdict.state }.exit_code();
    (output::render(options.output, &report, &verdict, &options, now), code)
}

/// Writes the report for Prometheus in what is left of the total: the file may be on a dead mount.
fn write_textfile(report: &Report, options: &Options, signals: &Signals, start: Instant) -> Result<(), String> {
    let Some(file) = options.textfile.clone() else { return Ok(()) };
    let samples = output::prometheus(report, options);
    let name = text::shown(&file.to_string_lossy());
    let left = options.timeout.saturating_sub(start.elapsed()).as_millis();
    let left = Duration::from_millis(left.try_into().unwrap_or_default());
    // A signal that ended the run must not end this, too.
    let ended = signals.came().is_some();
    let (limit, signals) = if ended { (GRACE, &Signals::default()) } else { (left.max(GRACE), signals) };
    supervisor::within(limit, signals, move || textfile::write(&file, &samples))
        .unwrap_or_else(|why| Err(format!("{name}: {why}")))
}

fn options(signals: &Signals) -> Result<Request, String> {
    let mut arguments = Vec::new();
    for argument in std::env::args_os().skip(1) {
        arguments
            .push(argument.into_string().map_err(|argument| format!("{} is not UTF-8", argument.to_string_lossy()))?);
    }
    let password = std::env::var_os(PASSWORD_VARIABLE).map(OsStringExt::into_vec);
    if !extra_opts::wanted(&arguments) {
        return Options::parse(&arguments, password);
    }
    // A file may be on a dead mount.
    let limit = Options::timeout_hint(&arguments);
    let files = extra_opts::shown(&arguments);
    supervisor::within(limit, signals, move || Options::parse(&arguments, password))
        .unwrap_or_else(|why| Err(format!("{files}: {why}")))
}

fn unknown(why: &str) -> (String, i32) {
    (output::unknown(why), ServiceState::Unknown.exit_code())
}
