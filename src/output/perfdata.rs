//! Performance data: labels, values, thresholds. The set of labels and their order depend on the options alone, but
//! for values that are not known.

use crate::options::Options;
use crate::plan::Operation;
use crate::plan::selector::TIME;
use crate::report::judge::{cert_days, range};
use crate::report::{Outcome, Report};
use crate::text;
use chrono::{DateTime, Utc};
use nagiosplugin::{PerfData, PerfString, ToPerfString, Unit};
use std::collections::HashMap;
use std::time::Duration;

/// A field as it is to be printed.
struct Field(String);

impl ToPerfString for Field {
    fn to_perf_string(&self) -> String {
        self.0.clone()
    }
}

/// One item before it has a label of its own.
struct Item {
    label: String,
    value: Option<String>,
    unit: Unit,
    thresholds: (Option<String>, Option<String>),
    min: Option<&'static str>,
    max: Option<String>,
}

/// All items in their order: times, total, `_ok`s, `timed_out`, messages, `cert_days`.
#[must_use]
pub fn perfdata(report: &Report, options: &Options, now: DateTime<Utc>) -> Vec<PerfString> {
    let thresholds = |operation: Option<&Operation>, metric: &str| {
        let text = |thresholds| range(thresholds, operation, metric).map(|range| range.text().to_owned());
        (text(&options.warning), text(&options.critical))
    };
    let time = |label: String, time: Option<Duration>, thresholds, max: Duration| Item {
        label,
        value: time.map(|time| format!("{:.6}", time.as_secs_f64())),
        unit: Unit::Seconds,
        thresholds,
        min: Some("0"),
        max: Some(max.as_secs_f64().to_string()),
    };
    let flag = |label: String, is: bool| Item {
        label,
        value: Some(u8::from(is).to_string()),
        unit: Unit::None,
        thresholds: (None, None),
        min: Some("0"),
        max: Some("1".to_owned()),
    };

    let names = mailbox_names(report);
    let mut names = names.iter();
    let (mut phases, mut flags, mut messages, mut days) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (phase, record) in report.plan.phases.iter().zip(&report.records) {
        let operation = &phase.operation;
        let suffix = phase.address.map_or_else(String::new, |address| format!("_a{}", address.number));
        let name = operation.mailbox().and_then(|_| names.next()).map(|name| format!("_{name}")).unwrap_or_default();
        let title = format!("{}{name}", operation.name());
        if matches!(operation, Operation::Login | Operation::Select(_)) {
            flags.push(flag(format!("{title}_ok{suffix}"), record.outcome == Outcome::Ok));
        }
        if let Operation::Select(_) = operation {
            messages.push(Item {
                label: format!("messages{name}{suffix}"),
                value: record.messages.map(|messages| messages.to_string()),
                unit: Unit::None,
                thresholds: thresholds(Some(operation), "messages"),
                min: Some("0"),
                max: None,
            });
        }
        if *operation == Operation::Tls {
            days.push(Item {
                label: format!("cert_days{suffix}"),
                value: cert_days(report.facts(phase), now).map(|days| format!("{days:.1}")),
                unit: Unit::None,
                thresholds: thresholds(Some(operation), "cert_days"),
                min: None,
                max: None,
            });
        }
        let max = report.plan.shown_limit(phase);
        phases.push(time(format!("{title}{suffix}"), record.time, thresholds(Some(operation), TIME), max));
    }
    phases.push(time("total".to_owned(), Some(report.total), thresholds(None, TIME), report.plan.total));
    flags.push(flag("timed_out".to_owned(), report.timed_out));

    let mut taken = HashMap::new();
    let items = phases.into_iter().chain(flags).chain(messages).chain(days);
    items.filter_map(|item| item.print(&mut taken, options.perfdata_u)).collect()
}

impl Item {
    /// With a label that no item before it has; left out where the value is not known.
    fn print(self, taken: &mut HashMap<String, usize>, unknown_as_u: bool) -> Option<PerfString> {
        let label = unique(self.label, taken);
        let (value, unit) = match self.value {
            Some(value) => (value, self.unit),
            None if unknown_as_u => ("U".to_owned(), Unit::None),
            None => return None,
        };
        let (warning, critical) = self.thresholds;
        let mut item =
            PerfData::new(label, Field(value)).with_unit(unit).with_thresholds(warning.map(Field), critical.map(Field));
        if let Some(min) = self.min {
            item = item.with_minimum(Field(min.to_owned()));
        }
        if let Some(max) = self.max {
            item = item.with_maximum(Field(max));
        }
        Some(item.into())
    }
}

/// The mailboxes' names for labels, in the plan's order; those of one operation that fall together are
/// numbered, the same way for each address.
fn mailbox_names(report: &Report) -> Vec<String> {
    let mut taken: HashMap<(Option<usize>, &str), HashMap<String, usize>> = HashMap::new();
    let mailboxes = report.plan.phases.iter().filter_map(|phase| Some((phase, phase.operation.mailbox()?)));
    mailboxes
        .map(|(phase, mailbox)| {
            let number = phase.address.map(|address| address.number);
            let taken = taken.entry((number, phase.operation.name())).or_default();
            unique(text::label(mailbox), taken)
        })
        .collect()
}

/// `name`, or `name_2`, `name_3` where it is taken; the number that a name was last given is where the next look begins.
fn unique(name: String, taken: &mut HashMap<String, usize>) -> String {
    let last = taken.entry(name.clone()).or_default();
    *last += 1;
    if *last == 1 {
        return name;
    }
    let mut number = *last;
    let mut candidate = format!("{name}_{number}");
    while taken.contains_key(&candidate) {
        number += 1;
        candidate = format!("{name}_{number}");
    }
    taken.insert(candidate.clone(), 1);
    taken.insert(name, number);
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fall_together_are_numbered() {
        let mut taken = HashMap::new();
        let names: Vec<String> =
            ["a_b", "a_b", "a_b_2", "a_b"].iter().map(|name| unique((*name).to_owned(), &mut taken)).collect();
        assert_eq!(names, ["a_b", "a_b_2", "a_b_2_2", "a_b_3"]);
    }
}
