//! A password that has to be read before a run begins: from a person at a terminal, or from standard input for many runs.

use std::io::stdin;
use std::time::Duration;

use rustix::termios::isatty;

use crate::credentials::command::CommandGroup;
use crate::credentials::prompt::{Prompt, TERMINAL};
use crate::credentials::secret::Secret;
use crate::credentials::source::{PasswordSource, read_first_line};
use crate::imap::auth::Wants;
use crate::options::Options;
use crate::run::bounded::run_bounded;
use crate::run::signals::Signals;
use crate::text::{describe_io_error, show_value};

/// A person may take their time, but a forgotten terminal does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(3600);

/// If the password comes from standard input and that is a terminal, asks for it there and keeps it. True if a person was
/// asked: the time until the answer is not the run's.
///
/// # Errors
/// There is no terminal to ask on, the answer is no password, or a signal ended the waiting.
pub fn ask_person(options: &mut Options, signals: &Signals) -> Result<bool, String> {
    if !matches!(options.password, PasswordSource::Stdin) || !isatty(stdin()) {
        return Ok(false);
    }
    // From here on a signal does not end the process without a word: the terminal must get its echo back.
    signals.catch();
    let what = if options.mechanism.wants == Wants::Token { "Access token" } else { "Password" };
    let question = format!("{what} of {} at {}: ", show_value(&options.username), options.host.shown);
    let ask = || {
        let prompt = Prompt::show(&question).map_err(|error| describe_io_error(&error))?;
        let answer = prompt.open_answer().map_err(|error| describe_io_error(&error))?;
        run_bounded(PATIENCE, Duration::ZERO, signals, move || read_first_line(answer))?
    };
    let password = ask().and_then(|password| check(options, password));
    let password = password.map_err(|why| format!("--password-file: {TERMINAL}: {why}"))?;
    options.password = PasswordSource::Value(password);
    Ok(true)
}

/// Reads a password from standard input, and keeps it for all runs: it can be read only once.
///
/// # Errors
/// As those of a run that reads it.
pub fn read_standard_input(options: &mut Options, signals: &Signals) -> Result<(), String> {
    if !matches!(options.password, PasswordSource::Stdin) {
        return Ok(());
    }
    let read = || PasswordSource::Stdin.read(&CommandGroup::default(), &|_| {});
    let password = run_bounded(options.plan.timeout, Duration::ZERO, signals, read)??;
    let password = check(options, password).map_err(|why| format!("--password-file: standard input: {why}"))?;
    options.password = PasswordSource::Value(password);
    Ok(())
}

/// The run itself does not know any more where this password comes from: the mechanism must be able to use it.
fn check(options: &Options, password: Secret) -> Result<Secret, String> {
    options.mechanism.wants.prepare(&password).map(|_| password)
}
