//! Every option: its name, its line in `--help` and what it does, one row each in `TABLE`; and all of them together.
//! How values are read, `values.rs` knows; what names a phase or a mailbox is checked against the plan, in `plan.rs`.

pub mod extra_opts;

pub(crate) mod values;

use crate::credentials::secret::Secret;
use crate::options::values::{
    FORMATS, TLS_MODES, TLS_VERSIONS, choice, host, limit, mailbox, no_password_here, password_source, path, port,
    state, textfile, threshold, username,
};
pub use crate::options::values::{Family, Format, PASSWORD_VARIABLE, PasswordSource, TlsMode, TlsVersion};
use crate::plan::selector::{Range, Selector, duration};
use crate::text::{self, shown};
use nagiosplugin::ServiceState;
use std::path::PathBuf;
use std::time::Duration;

/// What the user wants of one run, checked as far as that goes without the plan.
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Options {
    /// Name or address of the server; an IPv6 address without brackets.
    pub host: String,
    /// As given; see [`Options::port`].
    pub port: Option<u16>,
    /// One address family only.
    pub family: Option<Family>,
    /// The plan against each address of the name.
    pub every_address: bool,
    /// How TLS begins.
    pub tls: TlsMode,
    /// Name for SNI and verification, if not the host.
    pub tls_name: Option<String>,
    /// Trust the CAs in this file only.
    pub ca_file: Option<PathBuf>,
    /// Verify certificate and name.
    pub verify: bool,
    /// The oldest TLS version that will do.
    pub tls_min: TlsVersion,
    /// Account name.
    pub username: String,
    /// Where the password comes from.
    pub password: PasswordSource,
    /// At least one, in the order given.
    pub mailboxes: Vec<String>,
    /// EXAMINE instead of SELECT.
    pub examine: bool,
    /// Limit of the whole run.
    pub timeout: Duration,
    /// Limits of phases.
    pub limits: Vec<(Selector, Duration)>,
    /// What makes a WARNING.
    pub warning: Vec<(Selector, Range)>,
    /// What makes a CRITICAL.
    pub critical: Vec<(Selector, Range)>,
    /// States of timed-out phases; without a selector for all but logout.
    pub on_timeout: Vec<(Option<Selector>, ServiceState)>,
    /// States of failed phases; without a selector for all but logout.
    pub on_failure: Vec<(Option<Selector>, ServiceState)>,
    /// How the report is printed.
    pub output: Format,
    /// Where Prometheus text goes, beside what is printed.
    pub textfile: Option<PathBuf>,
    /// What `--extra-opts` has read.
    pub ini_files: Vec<PathBuf>,
    /// Exit 0 whatever the state.
    pub exit_ok: bool,
    /// Unknown values as `U` in perfdata.
    pub perfdata_u: bool,
    /// 0 to 3.
    pub verbosity: usize,
}

/// `-t` where none is given: `check_nrpe` gives up after 10 s.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(8);
/// What `--every-address` checks at most, more than any name of a mail service has; what is beyond is told.
pub const MAX_ADDRESSES: usize = 16;
/// More would outgrow the 64 KB that NRPE carries.
const MAX_MAILBOXES: usize = 250;
/// All mailbox names together, for the same reason: each stands in three labels.
const MAX_NAME_BYTES: usize = 8192;

/// What the arguments ask for.
pub enum Request {
    /// A run.
    Check(Box<Options>),
    /// Only this text.
    Text(String),
}

/// One option. Without a value it is a flag, without a line in `--help` it is hidden.
pub struct Opt {
    /// A letter, or nothing.
    pub short: &'static str,
    /// Without dashes.
    pub long: &'static str,
    /// What stands for the value in `--help`.
    pub value: &'static str,
    /// The line in `--help`.
    pub help: &'static str,
    /// What an occurrence does; later ones come after earlier ones.
    set: fn(&mut Options, &str) -> Result<(), String>,
}

const fn opt(
    short: &'static str,
    long: &'static str,
    value: &'static str,
    help: &'static str,
    set: fn(&mut Options, &str) -> Result<(), String>,
) -> Opt {
    Opt { short, long, value, help, set }
}

/// All options, in the order of `--help`. Whatever else lists them (README, man page, completions, Icinga's command) is
/// held against this table by a test.
pub const TABLE: &[Opt] = &[
    opt("H", "hostname", "HOST", "name or address of the server; required", |o, v| put(&mut o.host, host(v))),
    opt("p", "port", "PORT", "default 993, with --tls starttls or none 143", |o, v| put(&mut o.port, port(v))),
    opt("4", "ipv4", "", "IPv4 only", |o, _| family(o, Family::V4)),
    opt("6", "ipv6", "", "IPv6 only", |o, _| family(o, Family::V6)),
    opt("", "every-address", "", "check each address of the name, side by side", |o, _| {
        put(&mut o.every_address, Ok(true))
    }),
    opt("", "tls", "MODE", "implicit (default), starttls or none", |o, v| put(&mut o.tls, choice(v, &TLS_MODES))),
    opt("", "tls-name", "NAME", "name for SNI and verification, default HOST", |o, v| {
        put(&mut o.tls_name, host(v).map(Some))
    }),
    opt("", "ca-file", "FILE", "trust the CAs in this PEM file only", |o, v| put(&mut o.ca_file, path(v).map(Some))),
    opt("", "no-verify", "", "do not verify certificate and name", |o, _| put(&mut o.verify, Ok(false))),
    opt("", "tls-min", "VERSION", "oldest TLS that will do: 1.0 to 1.3, default 1.2", |o, v| {
        put(&mut o.tls_min, choice(v, &TLS_VERSIONS))
    }),
    opt("u", "username", "USER", "account to log in with; required", |o, v| put(&mut o.username, username(v))),
    opt(
        "",
        "password-file",
        "FILE",
        "its first line is the password; - is standard input (else $IMAP_SESSION_PASSWORD is used)",
        |o, v| put(&mut o.password, password_source(v)),
    ),
    opt("P", "password", "PASSWORD", "", |_, _| Err(no_password_here())),
    opt("m", "mailbox", "NAME", "mailbox to SELECT, repeatable, default INBOX", |o, v| {
        add(&mut o.mailboxes, mailbox(v))
    }),
    opt("", "examine", "", "EXAMINE (read-only) instead of SELECT", |o, _| put(&mut o.examine, Ok(true))),
    opt("t", "timeout", "SECONDS", "limit of the whole run, default 8", |o, v| put(&mut o.timeout, duration(v))),
    opt("", "limit", "PHASE=SECONDS", "limit of one phase, repeatable; select:NAME for one mailbox", |o, v| {
        add(&mut o.limits, limit(v))
    }),
    opt("w", "warning", "[SELECTOR=]RANGE", "WARNING outside RANGE, repeatable", |o, v| {
        add(&mut o.warning, threshold(v))
    }),
    opt(
        "c",
        "critical",
        "[SELECTOR=]RANGE",
        "CRITICAL outside RANGE; SELECTOR is PHASE[.METRIC][:MAILBOX], without it the total",
        |o, v| add(&mut o.critical, threshold(v)),
    ),
    opt("", "on-timeout", "[PHASE=]STATE", "state of a timed-out phase, repeatable", |o, v| {
        add(&mut o.on_timeout, state(v))
    }),
    opt(
        "",
        "on-failure",
        "[PHASE=]STATE",
        "state of a failed phase, repeatable; STATE is ok, warning, critical or unknown",
        |o, v| add(&mut o.on_failure, state(v)),
    ),
    opt("o", "output", "FORMAT", "nagios (default), prometheus or json", |o, v| {
        put(&mut o.output, choice(v, &FORMATS))
    }),
    opt(
        "",
        "textfile",
        "FILE",
        "also write Prometheus text to FILE, for the textfile collector of node_exporter",
        |o, v| put(&mut o.textfile, textfile(v).map(Some)),
    ),
    opt("", "exit-ok", "", "exit 0 whatever the state (for collecting only)", |o, _| put(&mut o.exit_ok, Ok(true))),
    opt("", "perfdata-u", "", "perfdata: print unknown values as U", |o, _| put(&mut o.perfdata_u, Ok(true))),
    opt(
        "v",
        "verbose",
        "",
        "a line per phase; -vv what was decided; -vvv the IMAP dialogue, secrets as ***",
        |o, _| {
            o.verbosity = (o.verbosity + 1).min(3);
            Ok(())
        },
    ),
    opt(
        "",
        "extra-opts",
        "[=[SECTION][@FILE]]",
        "options out of an ini file, default section check_imap_session",
        |_, _| Err("it cannot stand in the file that --extra-opts reads".to_owned()),
    ),
    opt("V", "version", "", "version (exit 3)", |_, _| Ok(())),
    opt("h", "help", "", "this text (exit 3)", |_, _| Ok(())),
];

const EXAMPLES: &str = "\
Examples:
  check_imap_session -H imap.example.org -u monitor --password-file imap.pw
  check_imap_session -H imap.example.org -u monitor --password-file imap.pw \\
    -m INBOX -m Archive -t 5 --limit select=1 -w login=0.5 -w tls.cert_days=21:

States: 0 OK, 1 WARNING, 2 CRITICAL (cannot log in, mailbox refused), 3 UNKNOWN.
A SELECT that times out is WARNING, all other time-outs are CRITICAL.
";

impl Options {
    /// Reads the arguments (without the program's name), `--extra-opts` files included.
    ///
    /// # Errors
    /// One line: the option at fault, what is wrong with it and what would be right.
    pub fn parse(arguments: &[String], password: Option<Vec<u8>>) -> Result<Request, String> {
        let (arguments, ini_files) = extra_opts::expand(arguments)?;
        let matches = matches(&arguments).map_err(|why| {
            // What follows may be a password: no other error may show it.
            let is_password = |argument: &String| {
                argument.starts_with("-P") || argument.starts_with("--password=") || argument == "--password"
            };
            if arguments.iter().any(is_password) { format!("--password: {}", no_password_here()) } else { why }
        })?;
        if matches.opt_present("help") {
            return Ok(Request::Text(help()));
        }
        if matches.opt_present("version") {
            return Ok(Request::Text(format!("check_imap_session {}\n", env!("CARGO_PKG_VERSION"))));
        }
        let mut options = Self {
            host: String::new(),
            port: None,
            family: None,
            every_address: false,
            tls: TlsMode::Implicit,
            tls_name: None,
            ca_file: None,
            verify: true,
            tls_min: TlsVersion::V1_2,
            username: String::new(),
            password: PasswordSource::Value(Secret::new(password.unwrap_or_default())),
            mailboxes: Vec::new(),
            examine: false,
            timeout: DEFAULT_TIMEOUT,
            limits: Vec::new(),
            warning: Vec::new(),
            critical: Vec::new(),
            on_timeout: Vec::new(),
            on_failure: Vec::new(),
            output: Format::Nagios,
            textfile: None,
            ini_files,
            exit_ok: false,
            perfdata_u: false,
            verbosity: 0,
        };
        for Opt { long, set, .. } in TABLE {
            let mut values = matches.opt_strs(long);
            // A flag, or an option whose value may be missing.
            values.resize(values.len().max(matches.opt_count(long)), String::new());
            for value in &values {
                set(&mut options, value).map_err(|why| format!("--{long}: {why}"))?;
            }
        }
        if let Some(free) = matches.free.iter().find(|argument| !argument.is_empty()) {
            return Err(format!("{} is not an option, all arguments are options, see --help", shown(free)));
        }
        options.complete().map(|options| Request::Check(Box::new(options)))
    }

    /// What `-t` says, as far as it can be known without reading any file and whatever else is wrong.
    #[must_use]
    pub fn timeout_hint(arguments: &[String]) -> Duration {
        let mut hint = DEFAULT_TIMEOUT;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let value = match argument.as_str() {
                "--timeout" => rest.next().map(String::as_str),
                argument => argument.strip_prefix("--timeout=").or_else(|| {
                    // Flags may stand before it: -vt1.
                    let value = argument.strip_prefix('-')?.trim_start_matches(is_flag).strip_prefix('t')?;
                    if value.is_empty() { rest.next().map(String::as_str) } else { Some(value) }
                }),
            };
            hint = value.and_then(|value| duration(value).ok()).unwrap_or(hint);
        }
        hint
    }

    /// The port given, or that of the TLS mode.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls == TlsMode::Implicit { 993 } else { 143 })
    }

    /// The name for SNI and verification.
    #[must_use]
    pub fn tls_name(&self) -> &str {
        self.tls_name.as_deref().unwrap_or(&self.host)
    }

    /// What a run reads.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let password = if let PasswordSource::File(file) = &self.password { Some(file) } else { None };
        self.ini_files.iter().chain(&self.ca_file).chain(password).cloned().collect()
    }

    fn complete(mut self) -> Result<Self, String> {
        if self.host.is_empty() {
            return Err("no server: -H HOST is missing, see --help".to_owned());
        }
        if self.username.is_empty() {
            return Err("no account: -u USER is missing, see --help".to_owned());
        }
        if let PasswordSource::Value(password) = &self.password {
            if password.expose().is_empty() {
                return Err(format!("no password: give --password-file FILE or set {PASSWORD_VARIABLE}"));
            }
            password.check().map_err(|why| format!("{PASSWORD_VARIABLE}: {why}"))?;
        }
        if self.mailboxes.is_empty() {
            self.mailboxes.push("INBOX".to_owned());
        }
        let most = if self.every_address { MAX_MAILBOXES / MAX_ADDRESSES } else { MAX_MAILBOXES };
        if self.mailboxes.len() > most {
            let with = if self.every_address { " with --every-address" } else { "" };
            return Err(format!(
                "--mailbox: {} mailboxes are too many, the most is {most}{with}: more would not fit into the 64 KB that NRPE carries",
                self.mailboxes.len()
            ));
        }
        let bytes: usize = self.mailboxes.iter().map(String::len).sum();
        if bytes > MAX_NAME_BYTES {
            return Err(format!(
                "--mailbox: the names have {bytes} bytes together, the most is {MAX_NAME_BYTES}: more would not fit into the 64 KB that NRPE carries"
            ));
        }
        Ok(self)
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
}

fn matches(arguments: &[String]) -> Result<getopts::Matches, String> {
    let mut parser = getopts::Options::new();
    for &Opt { short, long, value, .. } in TABLE {
        match long {
            "extra-opts" | "password" => parser.optflagopt(short, long, "", ""),
            _ if value.is_empty() => parser.optflagmulti(short, long, ""),
            // Repeatable all: of an option that has one value the last counts, so that a command line
            // overrides its --extra-opts.
            _ => parser.optmulti(short, long, "", ""),
        };
    }
    let dashed = |name: &str| {
        let name = text::clean(name.as_bytes());
        if name.chars().count() == 1 { format!("-{name}") } else { format!("--{name}") }
    };
    parser.parse(arguments).map_err(|fail| match fail {
        getopts::Fail::ArgumentMissing(name) => format!("{} needs a value, see --help", dashed(&name)),
        getopts::Fail::UnrecognizedOption(name) => format!("{} is not an option, see --help", dashed(&name)),
        getopts::Fail::UnexpectedArgument(name) => format!("{} takes no value, see --help", dashed(&name)),
        getopts::Fail::OptionDuplicated(name) | getopts::Fail::OptionMissing(name) => {
            format!("{} is given more than once", dashed(&name))
        }
    })
}

/// The text of `--help`, 80 columns wide.
fn help() -> String {
    const COLUMN: usize = 32;
    const WIDTH: usize = 80;
    let mut help = String::from(
        "Logs in to an IMAP server, opens mailboxes, times every phase, and ends in time\nwhatever the server does.\n\nUsage: check_imap_session -H HOST -u USER --password-file FILE [OPTION ...]\n\n",
    );
    for Opt { short, long, value, help: text, .. } in TABLE.iter().filter(|opt| !opt.help.is_empty()) {
        let short = if short.is_empty() { "    ".to_owned() } else { format!("-{short}, ") };
        let gap = if value.is_empty() || value.starts_with("[=") { "" } else { " " };
        let mut line = format!("  {short}--{long}{gap}{value}");
        if line.len() + 2 > COLUMN {
            help += &line;
            help.push('\n');
            line.clear();
        }
        line = format!("{line:COLUMN$}");
        for word in text.split(' ') {
            if line.len() + word.len() > WIDTH {
                help += line.trim_end();
                help.push('\n');
                line = " ".repeat(COLUMN);
            }
            line += word;
            line.push(' ');
        }
        help += line.trim_end();
        help.push('\n');
    }
    help.push('\n');
    help + EXAMPLES
}

/// Whether this letter is an option that takes no value, so that another one may follow it in the same argument.
fn is_flag(letter: char) -> bool {
    TABLE.iter().any(|opt| opt.value.is_empty() && opt.short.chars().eq([letter]))
}

/// Sets an option; of several values the last stays.
fn put<T>(slot: &mut T, value: Result<T, String>) -> Result<(), String> {
    value.map(|value| *slot = value)
}

/// Adds to a repeatable option.
fn add<T>(list: &mut Vec<T>, value: Result<T, String>) -> Result<(), String> {
    value.map(|value| list.push(value))
}

fn family(options: &mut Options, family: Family) -> Result<(), String> {
    if options.family.is_some_and(|other| other != family) {
        return Err("-4 and -6 exclude each other, right is one of them, or none for both families".to_owned());
    }
    options.family = Some(family);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Result<Options, String> {
        let mut all = vec!["-H", "h", "-u", "joe", "--password-file", "f"];
        all.extend(arguments);
        Options::from_arguments(&all)
    }

    #[test]
    fn the_last_of_several_values_counts_and_lists_keep_their_order() {
        let options = options(&["-t", "3", "--timeout=4", "-m", "b", "-vm", "a", "-vv", "-H", "[::1]", ""]).unwrap();
        assert_eq!(options.timeout, Duration::from_secs(4));
        assert_eq!(options.mailboxes, ["b", "a"]);
        assert_eq!(options.verbosity, 3);
        assert_eq!(options.host, "::1");
        assert_eq!(options.port(), 993);
    }

    #[test]
    fn wrong_values_are_named_with_what_would_be_right() {
        for (arguments, wanted) in [
            (&["-p", "0"][..], "--port: 0 is not a port, right is 1 to 65535"),
            (&["-4", "-6"], "exclude each other"),
            (&["--tls", "ssl"], "--tls: ssl is none of: implicit, starttls, none"),
            (&["-H", "host:993"], "the port goes to -p"),
            (&["-H", "a b"], "--hostname: a b is neither a name nor an address"),
            (&["-H", "müller.example"], "xn--"),
            (&["-t", "0"], "--timeout: 0 is too short"),
            (&["--limit", "login"], "--limit: login has no =, right is PHASE=SECONDS"),
            (&["-w", "login="], "--warning: login=: (empty) is not a range"),
            (&["--on-timeout", "maybe"], "--on-timeout: maybe is none of: ok, warning, critical, unknown"),
            (&["--frobnicate"], "--frobnicate is not an option, see --help"),
            (&["-x"], "-x is not an option"),
            (&["-t"], "-t needs a value"),
            (&["--examine=yes"], "--examine takes no value"),
            (&["stray"], "stray is not an option"),
        ] {
            let error = options(arguments).err().unwrap();
            assert!(error.contains(wanted), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn a_password_on_the_command_line_is_refused_and_not_repeated() {
        for arguments in [
            &["-P", "hunter2"][..],
            &["-Phunter2"],
            &["--password=hunter2"],
            &["-P"],
            &["--password", "--hunter2"],
            &["-P", "-hunter2"],
        ] {
            let error = options(arguments).err().unwrap();
            assert!(
                error.contains("--password-file") && error.contains(PASSWORD_VARIABLE) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn help_fits_80_columns() {
        for line in help().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
