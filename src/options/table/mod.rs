//! Every option: one row each, with all that is said or decided about it. README's table, the man page, the completions and
//! `--help` are made of these rows.

mod account;
mod limits;
mod output;
mod server;

use super::Options;

/// All options, in the order of `--help`.
pub static SECTIONS: &[&Section] = &[&server::SECTION, &account::SECTION, &limits::SECTION, &output::SECTION];

/// Options that belong together.
pub struct Section {
    /// Its heading in the man page.
    pub title: &'static str,
    /// In the order of the documents.
    pub options: &'static [Opt],
}

/// One option. Without a value it is a flag, without a line in `--help` it is hidden.
pub struct Opt {
    /// A letter, or nothing.
    pub short: &'static str,
    /// Without dashes.
    pub long: &'static str,
    /// What stands for the value in the documents.
    pub value: &'static str,
    /// The line in `--help` and in the shells.
    pub help: &'static str,
    /// Whole sentences for README and man page; what is `code` there stands between backticks.
    pub doc: &'static str,
    /// What a shell offers for the value.
    pub completes: Completes,
    /// Its part of the label `check` of Prometheus.
    pub in_check: InCheck,
    /// Takes one occurrence; later ones come after earlier ones.
    pub set: fn(&mut Options, &str) -> Result<(), String>,
}

/// What a shell offers for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completes {
    /// Nothing, or there is no value.
    Nothing,
    /// These words.
    Words(&'static [&'static str]),
    /// Names of hosts.
    Hosts,
    /// Names of files.
    Files,
    /// Mailboxes: `INBOX`.
    Mailboxes,
    /// Names of operations, behind them `:` and a mailbox if one is taken.
    Operations,
    /// Phases that may have a mailbox, behind them `=` and a time.
    Limits,
    /// Phases that may have a figure and a mailbox, behind them `=` and a range.
    Thresholds,
    /// States, or phases with `=` and a state behind them.
    States,
    /// Output formats.
    Formats,
    /// A section and `@` and a file.
    SectionAndFile,
}

/// How an option tells two checks of the same host and port apart.
#[derive(Clone, Copy)]
pub enum InCheck {
    /// It does not change the session.
    No,
    /// It does if it is set.
    Flag(fn(&Options) -> bool),
    /// Its value does, unless it is the default.
    Value(fn(&Options) -> Option<String>),
    /// All its values do, unless they are the default.
    Values(fn(&Options) -> Vec<String>),
}

/// All options.
pub fn list_options() -> impl Iterator<Item = &'static Opt> {
    SECTIONS.iter().flat_map(|section| section.options)
}

/// Whether this letter is an option that takes no value, so that another one may follow it in the same argument.
pub(super) fn is_flag(letter: char) -> bool {
    list_options().any(|opt| opt.value.is_empty() && opt.short.chars().eq([letter]))
}

/// Sets an option; of several values the last stays.
fn put<T>(slot: &mut T, value: Result<T, String>) -> Result<(), String> {
    value.map(|value| *slot = value)
}

/// Adds to a repeatable option.
fn add<T>(list: &mut Vec<T>, value: Result<T, String>) -> Result<(), String> {
    value.map(|value| list.push(value))
}
