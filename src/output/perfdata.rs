//! Performance data: labels, values, thresholds. The set of labels and their order depend on the options alone, but for
//! values that are not known.

use std::time::Duration;

use super::Settings;
use crate::plan::range::Range;
use crate::plan::{Levels, Phase, UniqueNames};
use crate::report::PhaseReport;
use crate::report::judge::Judged;

/// One item before it has a label of its own.
struct Item {
    label: String,
    /// With its unit.
    value: Option<String>,
    warning: String,
    critical: String,
    min: &'static str,
    max: String,
}

/// All items, with a space between them, as far as there is room for so many bytes, and how many are left out: durations, total, `_ok`s, `timed_out`, the figures of the operations, those of the
/// set-up.
pub(super) fn render_perfdata(judged: &Judged<'_>, settings: &Settings, room: usize) -> (String, usize) {
    let report = judged.report;
    let (mut durations, mut flags, mut figures, mut set_up_figures) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for phase in &report.phases {
        let operation = phase.phase.operation;
        durations.push(make_duration(
            make_label(&phase.phase, ""),
            phase.time,
            &phase.phase.time_levels,
            phase.phase.shown_limit,
        ));
        if operation.counts {
            flags.push(make_flag(make_label(&phase.phase, "_ok"), phase.is_ok(), ""));
        }
        let items = make_figures(phase, judged);
        if operation.is_task() { figures.extend(items) } else { set_up_figures.extend(items) }
    }
    durations.push(make_duration("total".to_owned(), Some(report.duration), &report.levels, report.limit));
    // The threshold colours it in web views.
    flags.push(make_flag("timed_out".to_owned(), report.timed_out, "0"));

    let mut labels = UniqueNames::default();
    let items = durations.into_iter().chain(flags).chain(figures).chain(set_up_figures);
    let (mut perfdata, mut left_out) = (String::new(), 0);
    for item in items.filter_map(|item| item.render(&mut labels, settings.perfdata_u)) {
        if left_out > 0 || perfdata.len() + item.len() + 1 > room {
            left_out += 1;
            continue;
        }
        if !perfdata.is_empty() {
            perfdata.push(' ');
        }
        perfdata.push_str(&item);
    }
    (perfdata, left_out)
}

fn make_label(phase: &Phase, end: &str) -> String {
    let address = phase.address.map_or_else(String::new, |address| format!("_a{}", address.number));
    format!("{}{end}{address}", phase.label)
}

fn make_duration(label: String, time: Option<Duration>, levels: &Levels, max: Duration) -> Item {
    Item {
        label,
        value: time.map(|time| format!("{:.6}s", time.as_secs_f64())),
        warning: show_range(levels.warning.as_ref()),
        critical: show_range(levels.critical.as_ref()),
        min: "0",
        max: max.as_secs_f64().to_string(),
    }
}

fn make_flag(label: String, is: bool, warning: &str) -> Item {
    Item {
        label,
        value: Some(u8::from(is).to_string()),
        warning: warning.to_owned(),
        critical: String::new(),
        min: "0",
        max: "1".to_owned(),
    }
}

fn make_figures(report: &PhaseReport, judged: &Judged<'_>) -> Vec<Item> {
    let make = |(figure, levels): &(&'static crate::operation::Figure, Levels)| {
        let (min, max) = figure.unit.find_bounds();
        let value = report.find_shown_value(figure, judged.now).map(|value| figure.unit.format(value));
        Item {
            label: make_label(&report.phase, &format!("_{}", figure.name)),
            value,
            warning: show_range(levels.warning.as_ref()),
            critical: show_range(levels.critical.as_ref()),
            min: min.unwrap_or_default(),
            max: max.unwrap_or_default().to_owned(),
        }
    };
    report.phase.figure_levels.iter().map(make).collect()
}

fn show_range(range: Option<&Range>) -> String {
    range.map(|range| range.text().to_owned()).unwrap_or_default()
}

impl Item {
    /// With a label that no item before it has; none if the value is not known. No label needs quotes, and some consumers
    /// take quotes for a part of the name.
    fn render(self, labels: &mut UniqueNames, unknown_as_u: bool) -> Option<String> {
        let label = labels.add(self.label);
        let value = self.value.or_else(|| unknown_as_u.then(|| "U".to_owned()))?;
        Some(format!("{label}={value};{};{};{};{}", self.warning, self.critical, self.min, self.max))
    }
}
