//! Options, plan, run, judgement, output, exit code. The only file that prints.

use check_imap_session::judge::judge;
use check_imap_session::options::{Options, PASSWORD_VARIABLE, Request};
use check_imap_session::output::nagios;
use check_imap_session::plan::Plan;
use check_imap_session::{extra_opts, supervisor, text};
use chrono::Utc;
use nagiosplugin::ServiceState;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::panic;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let start = Instant::now();
    // Standard error must stay empty: Icinga 2 would put it in front of the output.
    panic::set_hook(Box::new(|_| {}));
    let (output, state) =
        panic::catch_unwind(|| check(start)).unwrap_or_else(|_| unknown("internal error, please report it"));
    // A closed standard output is no reason to fail: the exit code still tells.
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(output.as_bytes()).and_then(|()| stdout.flush());
    std::process::exit(state.exit_code());
}

/// The whole run: its output and its state.
fn check(start: Instant) -> (String, ServiceState) {
    let options = match options() {
        Ok(Request::Check(options)) => Arc::new(*options),
        Ok(Request::Text(text)) => return (text, ServiceState::Unknown),
        Err(why) => return unknown(&why),
    };
    let plan = match Plan::new(&options) {
        Ok(plan) => plan,
        Err(why) => return unknown(&why),
    };
    let report = supervisor::run(&plan, &options, start);
    let now = Utc::now();
    let verdict = judge(&report, &options, now);
    (nagios::render(&report, &verdict, &options, now), verdict.state)
}

fn options() -> Result<Request, String> {
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
    supervisor::within(limit, move || Options::parse(&arguments, password))
        .unwrap_or_else(|limit| Err(format!("--extra-opts: the file could not be read within {}", text::limit(limit))))
}

fn unknown(why: &str) -> (String, ServiceState) {
    (nagios::unknown(why), ServiceState::Unknown)
}
