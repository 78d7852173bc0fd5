//! The command line, `--extra-opts` files included, turned into the settings of the other modules. Each option is a row
//! in `table`; names of phases and targets are checked against the plan, in `plan/check.rs`.

mod account;
mod check_label;
pub mod documents;
pub mod extra_opts;
mod help;
pub mod host;
mod matching;
mod oauth;
mod repetition;
pub mod table;
mod values;

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nagiosplugin::ServiceState;

use crate::credentials::secret::Secret;
use crate::credentials::source::{PASSWORD_VARIABLE, PasswordSource};
use crate::imap::auth::{self, Mechanism};
use crate::net::tls::describe_library;
use crate::net::{self, TlsMode};
use crate::operation::SELECT;
use crate::output::{self, FORMATS, Format, Terminal, nagios::NAGIOS};
use crate::plan::range::parse_duration;
use crate::plan::{self, RequestedTask};
use crate::run::bounded::run_bounded;
use crate::run::prepared;
use crate::run::signals::Signals;
use crate::text::show_value;
use host::Host;
use oauth::Oauth;
use repetition::check_repetition;
pub use repetition::{Repetition, find_repetition};

/// The limit of a run if the user gives none: `check_nrpe` gives up after 10 s.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(8);

/// The settings of one run, checked as far as that goes without the plan.
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Options {
    /// How to reach the server; host, port and name for TLS are completed at the end.
    pub server: net::Settings,
    /// The server that the user gave.
    pub host: Host,
    /// The port that the user gave.
    pub port: Option<u16>,
    /// The name for TLS that the user gave.
    pub tls_name: Option<Host>,
    /// How to log in.
    pub mechanism: &'static Mechanism,
    /// Account name. Empty if the mechanism needs none.
    pub username: String,
    /// The user to act as, if it is another one.
    pub authzid: Option<String>,
    /// The source of the password.
    pub password: PasswordSource,
    /// How a token is fetched in the place of a password.
    pub oauth: Oauth,
    /// The operations to perform, and their limits.
    pub plan: plan::Request,
    /// How the report is printed.
    pub format: &'static Format,
    /// How often, if not once.
    pub repeat: Option<u32>,
    /// The pause between two runs, if it is given.
    pub interval: Option<Duration>,
    /// The file that gets the Prometheus text, beside the printed output.
    pub textfile: Option<PathBuf>,
    /// Files that `--extra-opts` has read.
    pub ini_files: Vec<PathBuf>,
    /// Exit 0 whatever the state.
    pub exit_ok: bool,
    /// Unknown values as `U` in perfdata.
    pub perfdata_u: bool,
    /// No perfdata in the Nagios output.
    pub no_perfdata: bool,
    /// 0 to 3.
    pub verbosity: usize,
}

/// The action that the arguments ask for.
pub enum Request {
    /// A run.
    Check(Box<Options>),
    /// Only this text.
    Text(String),
}

impl Options {
    /// Reads the arguments of this process and its environment. A file may be on a dead mount, so that files are read within
    /// the limit.
    ///
    /// # Errors
    /// One line: what is at fault, what is wrong with it and what would be right.
    pub fn from_process(signals: &Signals) -> Result<Request, String> {
        let mut arguments = Vec::new();
        for (number, argument) in std::env::args_os().enumerate().skip(1) {
            // Not shown: it may be a password.
            arguments.push(argument.into_string().map_err(|_| format!("argument {number} is not UTF-8"))?);
        }
        let password = std::env::var_os(PASSWORD_VARIABLE).map(OsStringExt::into_vec);
        if !extra_opts::has_any(&arguments) {
            return Self::parse(&arguments, password);
        }
        let limit = Self::guess_timeout(&arguments);
        let files = extra_opts::list(&arguments);
        run_bounded(limit, Duration::ZERO, signals, move || Self::parse(&arguments, password))
            .unwrap_or_else(|why| Err(format!("{files}: {why}")))
    }

    /// Reads the arguments (without the program's name), `--extra-opts` files included.
    ///
    /// # Errors
    /// One line: the option at fault, what is wrong with it and what would be right.
    pub fn parse(arguments: &[String], password: Option<Vec<u8>>) -> Result<Request, String> {
        let (arguments, ini_files) = extra_opts::expand(arguments)?;
        let matching = matching::match_options(&arguments).map_err(|why| {
            // The value may be a password: no other error may show it.
            let is_password = |argument: &String| {
                argument.starts_with("-P") || argument.starts_with("--password=") || argument == "--password"
            };
            if arguments.iter().any(is_password) {
                format!("--password: {}", values::explain_no_password())
            } else {
                why
            }
        })?;
        if matching.matches.opt_present("help") {
            return Ok(Request::Text(help::render_help()));
        }
        if matching.matches.opt_present("version") {
            let version = env!("CARGO_PKG_VERSION");
            return Ok(Request::Text(format!("check_imap_session {version} ({})\n", describe_library())));
        }
        let mut options = Self::new(Secret::new(password.unwrap_or_default()), ini_files);
        for (_, opt, value) in matching::list_occurrences(&matching) {
            (opt.set)(&mut options, &value).map_err(|why| format!("--{}: {why}", opt.long))?;
        }
        if let Some(free) = matching.matches.free.iter().find(|argument| !argument.is_empty()) {
            return Err(format!("{} is not an option, all arguments are options, see --help", show_value(free)));
        }
        options.complete().map(|options| Request::Check(Box::new(options)))
    }

    /// The value of `-t`, as far as it can be known without reading any file and whatever else is wrong.
    #[must_use]
    pub fn guess_timeout(arguments: &[String]) -> Duration {
        let mut guess = DEFAULT_TIMEOUT;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let value = match argument.as_str() {
                "--timeout" => rest.next().map(String::as_str),
                argument => argument.strip_prefix("--timeout=").or_else(|| {
                    // Flags may stand before it: -vt1.
                    let value = argument.strip_prefix('-')?.trim_start_matches(table::is_flag).strip_prefix('t')?;
                    if value.is_empty() { rest.next().map(String::as_str) } else { Some(value) }
                }),
            };
            guess = value.and_then(|value| parse_duration(value).ok()).unwrap_or(guess);
        }
        guess
    }

    /// The files that a run reads.
    #[must_use]
    pub fn list_files(&self) -> Vec<PathBuf> {
        let password = if let PasswordSource::File(file) = &self.password { Some(file) } else { None };
        let files = self.list_own_files().into_iter().chain(password.cloned());
        files.chain(self.oauth.list_files()).collect()
    }

    /// Those that no secret comes from.
    fn list_own_files(&self) -> Vec<PathBuf> {
        let net::Settings { ca_file, client_cert, client_key, .. } = &self.server;
        self.ini_files.iter().chain(ca_file).chain(client_cert).chain(client_key).cloned().collect()
    }

    /// The options that the phases need.
    #[must_use]
    pub fn make_worker_settings(&self) -> prepared::Settings {
        prepared::Settings {
            server: self.server.clone(),
            mechanism: self.mechanism,
            username: self.username.clone(),
            authzid: self.authzid.clone(),
            password: self.password.clone(),
            command_group: Arc::default(),
            oauth: self.oauth.make_settings(&self.username, self.list_own_files()),
            read_only: self.plan.read_only,
            log_dialogue: self.verbosity >= 3,
            every_address: self.plan.every_address,
        }
    }

    /// The options that the output shows.
    #[must_use]
    pub fn make_output_settings(&self) -> output::Settings {
        let has_check_label = self.format.has_check_label || self.textfile.is_some();
        output::Settings {
            host: self.host.shown.clone(),
            port: self.server.port,
            tls_mode: self.server.tls_mode,
            verify: self.server.verify,
            username: self.username.clone(),
            check: if has_check_label { check_label::make_check_label(self) } else { String::new() },
            every_address: self.plan.every_address,
            verbosity: self.verbosity,
            perfdata_u: self.perfdata_u,
            no_perfdata: self.no_perfdata,
            terminal: self.format.draws.then(Terminal::find).flatten(),
        }
    }

    /// Options of a test.
    ///
    /// # Errors
    /// As [`Options::parse`]; the text for `--help`.
    #[cfg(test)]
    pub fn from_arguments(arguments: &[&str]) -> Result<Self, String> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        match Self::parse(&arguments, None)? {
            Request::Check(options) => Ok(*options),
            Request::Text(text) => Err(text),
        }
    }

    fn new(password: Secret, ini_files: Vec<PathBuf>) -> Self {
        Self {
            server: net::Settings::default(),
            host: Host::default(),
            port: None,
            tls_name: None,
            mechanism: auth::DEFAULT,
            username: String::new(),
            authzid: None,
            password: PasswordSource::Value(password),
            oauth: Oauth::default(),
            plan: plan::Request {
                tls_mode: TlsMode::Implicit,
                fetches_token: false,
                tasks: Vec::new(),
                timeout: DEFAULT_TIMEOUT,
                limits: Vec::new(),
                warning: Vec::new(),
                critical: Vec::new(),
                on_timeout: Vec::new(),
                on_failure: Vec::new(),
                on_alert: ServiceState::Ok,
                on_read_only: ServiceState::Ok,
                writes_file: false,
                every_address: false,
                read_only: false,
            },
            format: FORMATS.first().copied().unwrap_or(&NAGIOS),
            repeat: None,
            interval: None,
            textfile: None,
            ini_files,
            exit_ok: false,
            perfdata_u: false,
            no_perfdata: false,
            verbosity: 0,
        }
    }

    fn complete(mut self) -> Result<Self, String> {
        if self.host.ascii.is_empty() {
            return Err("no server: -H HOST is missing, see --help".to_owned());
        }
        account::complete_account(&mut self)?;
        check_repetition(&self)?;
        table::check_server(&self.server)?;
        if self.plan.tasks.is_empty() {
            self.plan.tasks.push(RequestedTask { operation: &SELECT, target: Some("INBOX".to_owned()) });
        }
        self.server.port = self.port.unwrap_or(self.server.tls_mode.choose_default_port());
        self.server.host.clone_from(&self.host.ascii);
        self.server.tls_name.clone_from(&self.tls_name.as_ref().unwrap_or(&self.host).ascii);
        self.plan.tls_mode = self.server.tls_mode;
        self.plan.fetches_token = self.oauth.url.is_some();
        self.plan.writes_file = self.textfile.is_some();
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
