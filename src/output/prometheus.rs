//! The text exposition format of Prometheus (0.0.4): what was measured, not how bad it is. Names and HELP texts are
//! constant and labels distinguish two checks: `node_exporter` drops samples of files that disagree.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use super::{Format, Settings};
use crate::operation::{FRAME, Figure, OPERATIONS, Value};
use crate::report::{Outcome, Report};

/// For collectors.
pub static PROMETHEUS: Format = Format {
    name: "prometheus",
    help: "the text exposition format",
    is_whole_or_nothing: true,
    has_check_label: true,
    draws: false,
    render: |judged, settings| render(judged.report, settings),
    repeated: None,
};

/// One metric with all its samples: labels and value.
struct Family {
    name: &'static str,
    help: &'static str,
    samples: Vec<(String, String)>,
}

/// All metrics, but for those without a sample. This is also what `--textfile` gets.
#[must_use]
pub fn render(report: &Report, settings: &Settings) -> String {
    let family = |name, help| Family { name, help, samples: Vec::new() };
    let mut success = family("success", "Whether login and every operation succeeded.");
    let mut timed_out = family("timed_out", "Whether a time limit of the check ended a phase.");
    let mut duration = family("duration_seconds", "Time from the start of the check to its verdict.");
    let mut phase_success = family("phase_success", "Whether the phase succeeded; 0 also if it was not run.");
    let mut phase_timed_out = family("phase_timed_out", "Whether a time limit of the check ended the phase.");
    let mut phase_duration =
        family("phase_duration_seconds", "Time that the phase took, or was given if a time limit ended it.");
    let mut figures = list_figure_families();

    let run = join_labels(&[
        ("host", settings.host.clone()),
        ("port", settings.port.to_string()),
        ("check", settings.check.clone()),
    ]);
    let is_success = report.phases.iter().all(|phase| !phase.phase.operation.counts || phase.is_ok());
    success.add(&run, format_flag(is_success));
    timed_out.add(&run, format_flag(report.timed_out));
    duration.add(&run, format_seconds(report.duration));

    let mut seen: HashMap<String, usize> = HashMap::new();
    for phase in &report.phases {
        let planned = &phase.phase;
        let mut labels = vec![("phase", planned.operation.name.to_owned())];
        labels.extend(planned.target.iter().map(|target| ("mailbox", target.clone())));
        labels.extend(planned.address.and_then(|address| address.ip).map(|ip| ("address", ip.to_string())));
        // The same operation on the same mailbox once more: no two samples may have the same labels.
        let times = seen.entry(join_labels(&labels)).or_default();
        *times += 1;
        if *times > 1 {
            labels.push(("repetition", times.to_string()));
        }
        let labels = format!("{run},{}", join_labels(&labels));
        phase_success.add(&labels, format_flag(phase.is_ok()));
        phase_timed_out.add(&labels, format_flag(matches!(phase.outcome, Outcome::TimedOut(_))));
        if let Some(time) = phase.time {
            phase_duration.add(&labels, format_seconds(time));
        }
        for (figure, value) in &phase.values {
            let family = figures.iter_mut().find(|family| family.name == figure.metric.name);
            if let (Some(family), Value::Known(raw)) = (family, value) {
                let own: Vec<(&str, String)> =
                    figure.metric.labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
                let gap = if own.is_empty() { "" } else { "," };
                family.add(&format!("{labels}{gap}{}", join_labels(&own)), raw.to_string());
            }
        }
    }

    // If nothing could be begun, people wonder why; collectors pass over a comment.
    let comment = report.obstacle.as_ref().map(|why| format!("# {why}\n")).unwrap_or_default();
    let families = [success, timed_out, duration, phase_success, phase_timed_out, phase_duration];
    let families = families.iter().chain(&figures).filter(|family| !family.samples.is_empty());
    families.map(Family::render).collect::<String>() + &comment
}

/// A family for each metric that a figure of any operation has.
fn list_figure_families() -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    let figures = OPERATIONS.iter().chain(FRAME).flat_map(|operation| operation.figures);
    for Figure { metric, .. } in figures {
        if families.iter().all(|family| family.name != metric.name) {
            families.push(Family { name: metric.name, help: metric.help, samples: Vec::new() });
        }
    }
    families
}

impl Family {
    fn add(&mut self, labels: &str, value: String) {
        self.samples.push((labels.to_owned(), value));
    }

    fn render(&self) -> String {
        let Self { name, help, samples } = self;
        let mut text = format!("# HELP imap_session_{name} {help}\n# TYPE imap_session_{name} gauge\n");
        for (labels, value) in samples {
            // Writing to a string does not fail.
            let _ = writeln!(text, "imap_session_{name}{{{labels}}} {value}");
        }
        text
    }
}

fn format_flag(is: bool) -> String {
    u8::from(is).to_string()
}

fn format_seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// `host="imap.example.org",port="993"`; of the characters in a value three are escaped.
fn join_labels(labels: &[(&str, String)]) -> String {
    let escape = |value: &str| value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    labels.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_label_is_escaped() {
        assert_eq!(join_labels(&[("mailbox", "a\"b\\c\nd".to_owned())]), r#"mailbox="a\"b\\c\nd""#);
    }
}
