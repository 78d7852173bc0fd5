//! Reports as text, one file per format. No format judges, measures or prints, and none names an operation.

pub mod deliver;
pub mod json;
pub mod nagios;
mod perfdata;
pub mod prometheus;
mod summary;
pub mod tally;
mod terminal;
pub mod textfile;
pub mod timeline;
mod words;

use crate::net::TlsMode;
use crate::report::judge::Judged;
use tally::Tally;

/// The line for what prevents a run, the same for every format: bad usage, a fault of the monitoring host.
pub use nagios::render_unknown;
pub use terminal::Terminal;

/// All formats, in the order of the documents; the first one is the default.
pub static FORMATS: &[&Format] = &[&nagios::NAGIOS, &prometheus::PROMETHEUS, &json::JSON, &timeline::TIMELINE];

/// One way to print a report.
#[derive(Debug)]
pub struct Format {
    /// In `--output`.
    pub name: &'static str,
    /// For the documents.
    pub help: &'static str,
    /// Whether a part of the text is of no use to its reader. If it is cut off, the exit code is not 0.
    pub is_whole_or_nothing: bool,
    /// Whether it prints the label `check`.
    pub has_check_label: bool,
    /// Whether it draws a picture, for which it must know the terminal.
    pub draws: bool,
    /// The whole output, with a line end.
    pub render: fn(&Judged<'_>, &Settings) -> String,
    /// The output of `--repeat`, if it can be repeated.
    pub repeated: Option<Repeated>,
}

/// How many runs are printed.
#[derive(Clone, Copy, Debug)]
pub struct Repeated {
    /// The line that is printed at the end of each run, with its line end.
    pub line: fn(&Judged<'_>, &Settings) -> String,
    /// The table behind the last run; empty if the format has none.
    pub table: fn(&Tally, &Settings) -> String,
}

/// The options that the formats show.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Settings {
    /// As the user wrote it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How TLS begins.
    pub tls_mode: TlsMode,
    /// Whether certificate and name are verified.
    pub verify: bool,
    /// Account name.
    pub username: String,
    /// The label `check` of Prometheus, which distinguishes checks of the same server. Empty if nothing prints it.
    pub check: String,
    /// The plan is done against each address of the name.
    pub every_address: bool,
    /// 0 to 3.
    pub verbosity: usize,
    /// Unknown values as `U` in perfdata.
    pub perfdata_u: bool,
    /// No perfdata in the Nagios output.
    pub no_perfdata: bool,
    /// The terminal that standard output is, if it is one on which a picture can be drawn.
    pub terminal: Option<Terminal>,
}
