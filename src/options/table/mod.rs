//! Every option: one row each, with all that is said or decided about it. the table of docs/options.md, the man page, the completions and
//! `--help` are made of these rows.

mod account;
mod limits;
mod oauth;
mod output;
mod server;

use super::Options;
pub(super) use server::check as check_server;

/// All options, in the order of `--help`.
pub static SECTIONS: &[&Section] =
    &[&server::SECTION, &account::SECTION, &oauth::SECTION, &limits::SECTION, &output::SECTION];

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
    /// The placeholder for the value in the documents, such as `HOST`.
    pub value: &'static str,
    /// The line in `--help` and in the shells.
    pub help: &'static str,
    /// Whole sentences for docs/options.md and the man page; what is `code` there stands between backticks.
    pub doc: &'static str,
    /// The suggestions of a shell for the value.
    pub completes: Completes,
    /// How often, and beside what.
    pub given: Given,
    /// Its part of the label `check` of Prometheus.
    pub in_check: InCheck,
    /// Takes one occurrence; later ones come after earlier ones.
    pub set: fn(&mut Options, &str) -> Result<(), String>,
}

/// The suggestions of a shell for a value.
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
    /// Ways to log in.
    Mechanisms,
    /// A section and `@` and a file.
    SectionAndFile,
}

/// How often an option may be given, and beside what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// Once is enough: of several the last one counts.
    Once,
    /// As `Once`, but not beside this other option.
    InsteadOf(&'static str),
    /// Any number of times: all of them count.
    Repeatedly,
    /// Alone: nothing else counts beside it.
    Alone,
}

/// How an option distinguishes two checks of the same host and port.
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

impl Opt {
    /// `-H, --hostname HOST`
    #[must_use]
    pub fn make_synopsis(&self) -> String {
        let short = if self.short.is_empty() { String::new() } else { format!("-{}, ", self.short) };
        let gap = if self.value.is_empty() || self.has_optional_value() { "" } else { " " };
        format!("{short}--{}{gap}{}", self.long, self.value)
    }

    /// Whether its value may be missing, so that it must be joined by `=`.
    #[must_use]
    pub fn has_optional_value(&self) -> bool {
        self.value.starts_with("[=")
    }

    /// Whether the documents have it.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        !self.help.is_empty()
    }
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
