//! What a run left behind, and its Nagios output read by a strict grammar.
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use super::labels::label;

/// The beginning of a figure's item as line 1 has it, the `=` included.
pub fn begin_item(operation: &str, target: &str, figure: &str) -> String {
    format!("{}=", label(operation, target, figure))
}

/// What a run left behind.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
    /// The most memory that it had, as last seen while it ran.
    pub peak_kib: u64,
}

impl Run {
    /// Asserts all that holds for every report, whatever happened.
    pub fn check_sound(&self) -> &Self {
        if let Err(fault) = self.soundness() {
            panic!("{self:#?}\nnot sound: {fault}");
        }
        self
    }

    /// Line 1 between `IMAP is STATE: ` and the perfdata.
    pub fn summary(&self) -> &str {
        let text = self.first_line().split('|').next().unwrap();
        text.split_once(": ").map_or("", |(_, summary)| summary)
    }

    /// `OK`, `WARNING`, `CRITICAL` or `UNKNOWN`, as line 1 has it.
    pub fn state(&self) -> &str {
        let said = self.first_line().strip_prefix("IMAP is ");
        said.and_then(|t| t.split(':').next()).unwrap_or("")
    }

    /// The lines after the first.
    pub fn long_text(&self) -> Vec<&str> {
        self.stdout.lines().skip(1).collect()
    }

    /// The line of one phase, without its `[STATE] `: `login: 0.042 s`.
    pub fn phase_line(&self, phase: &str) -> Option<&str> {
        self.long_text().into_iter().find_map(|line| {
            let (_, said) = line.strip_prefix('[')?.split_once("] ")?;
            let rest = said.strip_prefix(phase)?;
            rest.starts_with(':').then_some(said)
        })
    }

    /// Every perfdata item, in order. Panics on what the grammar refuses.
    pub fn perfdata(&self) -> Vec<Item> {
        match self.items() {
            Ok(items) => items,
            Err(fault) => panic!("{self:#?}\nnot sound: {fault}"),
        }
    }

    pub fn item(&self, label: &str) -> Option<Item> {
        self.perfdata().into_iter().find(|i| i.label == label)
    }

    /// The value of one label: none where the label is missing or its value is `U`.
    pub fn value(&self, label: &str) -> Option<f64> {
        self.item(label).and_then(|item| item.value)
    }

    /// The value of a phase's figure; an empty target for a phase without one.
    pub fn figure(&self, operation: &str, target: &str, figure: &str) -> Option<f64> {
        self.value(&label(operation, target, figure))
    }

    /// The same of one of several addresses, by its number.
    pub fn figure_at(&self, address: usize, operation: &str, target: &str, figure: &str) -> Option<f64> {
        self.value(&format!("{}_a{address}", label(operation, target, figure)))
    }

    pub fn figure_item(&self, operation: &str, target: &str, figure: &str) -> Option<Item> {
        self.item(&label(operation, target, figure))
    }

    pub fn labels(&self) -> Vec<String> {
        self.perfdata().into_iter().map(|i| i.label).collect()
    }

    fn first_line(&self) -> &str {
        self.stdout.lines().next().unwrap_or("")
    }

    fn items(&self) -> Result<Vec<Item>, String> {
        match self.first_line().split_once('|') {
            Some((_, perfdata)) => perfdata.split(' ').map(Item::parse).collect(),
            None => Ok(Vec::new()),
        }
    }

    /// All that holds for every report, or what does not.
    pub fn soundness(&self) -> Result<(), String> {
        ensure(self.stderr.is_empty(), "standard error is not empty")?;
        ensure(self.stdout.len() < 65_536, "64 KB of output or more")?;
        ensure(self.stdout.ends_with('\n'), "the last line has no end")?;
        ensure(!self.stdout.contains("\n\n"), "an empty line")?;
        let control = self.stdout.chars().any(|c| c.is_control() && c != '\n');
        ensure(!control, "a control character")?;

        let state = match self.code {
            0 => "OK",
            1 => "WARNING",
            2 => "CRITICAL",
            3 => "UNKNOWN",
            code => return Err(format!("exit code {code}")),
        };
        let opening = format!("IMAP is {state}: ");
        ensure(self.stdout.starts_with(&opening), "state and exit code")?;
        ensure(!self.summary().trim().is_empty(), "an empty summary")?;
        let text = self.first_line().split('|').next().unwrap();
        ensure(text.len() < 1_000, "the message outgrows 1,000 bytes")?;
        let bars = self.stdout.matches('|').count();
        let bars_on_line_1 = self.first_line().matches('|').count();
        ensure(bars == bars_on_line_1 && bars <= 1, "a second |")?;

        let items = self.items()?;
        let mut seen = HashSet::new();
        for item in &items {
            ensure(seen.insert(&item.label), "a label stands there twice")?;
        }
        let has = |label: &str| seen.iter().any(|l| *l == label);
        let complete = has("total") && has("timed_out") && (has("login_ok") || has("login_ok_a1"));
        let bad_usage = bars == 0 && self.code == 3;
        ensure(bad_usage || complete, "total, timed_out or login_ok is missing")
    }
}

/// Short enough to be read in a failure: line 1 cut, then the lines behind it, the first ones if there are many.
impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 30;
        write!(f, "exit code {} after {:?}: {}", self.code, self.elapsed, shorten(self.first_line()))?;
        let lines = self.long_text();
        for line in lines.iter().take(MOST) {
            write!(f, "\n    {}", shorten(line))?;
        }
        if lines.len() > MOST {
            write!(f, "\n    ... and {} more lines", lines.len() - MOST)?;
        }
        if !self.stderr.is_empty() {
            write!(f, "\nstandard error: {}", shorten(&self.stderr))?;
        }
        Ok(())
    }
}

/// At most 400 characters of a line, none of them a control character.
pub fn shorten(line: &str) -> String {
    let mut text: String = line.chars().take(400).map(|c| if c.is_control() { '.' } else { c }).collect();
    if line.chars().count() > 400 {
        text += " ...";
    }
    text
}

/// One perfdata item, `label=value[unit];warn;crit;min;max`.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub label: String,
    /// None for `U`.
    pub value: Option<f64>,
    pub unit: String,
    /// Thresholds as printed: empty where there is none.
    pub warning: String,
    pub critical: String,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl Item {
    fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("perfdata item {text:?}: {why}");
        let (label, fields) = text.split_once('=').ok_or_else(|| refuse("not label=value"))?;
        let clean = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        ensure(!label.is_empty() && label.chars().all(clean), "bad label").map_err(|e| refuse(&e))?;

        let fields: Vec<&str> = fields.split(';').collect();
        ensure(fields.len() <= 5, "more than five fields").map_err(|e| refuse(&e))?;
        let field = |i: usize| fields.get(i).copied().unwrap_or("");
        let range = |i: usize| {
            let sound = field(i).chars().all(|c| "0123456789.-:@~".contains(c));
            ensure(sound, "bad threshold").map_err(|e| refuse(&e))?;
            Ok::<_, String>(field(i).to_owned())
        };
        let bound = |i: usize| match field(i) {
            "" => Ok(None),
            number => decimal(number).map(Some).map_err(|e| refuse(&e)),
        };
        let number_end = field(0).find(|c: char| !"0123456789.-".contains(c));
        let (number, unit) = field(0).split_at(number_end.unwrap_or(field(0).len()));
        let (value, unit) = match (number, unit) {
            ("", "U") => (None, ""),
            _ => (Some(decimal(number).map_err(|e| refuse(&e))?), unit),
        };
        ensure(["", "s", "%"].contains(&unit), "unknown unit").map_err(|e| refuse(&e))?;
        Ok(Self {
            label: label.to_owned(),
            value,
            unit: unit.to_owned(),
            warning: range(1)?,
            critical: range(2)?,
            min: bound(3)?,
            max: bound(4)?,
        })
    }
}

/// A number in digits, with at most six after the point.
fn decimal(text: &str) -> Result<f64, String> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let sound = match unsigned.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && part.len() <= 6,
        None => digits(unsigned),
    };
    ensure(sound, "not a plain decimal number")?;
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}
