//! The labels of perfdata, and their order: the only place of the test programs that knows the rule (PRODUCT section 6).
use std::collections::HashSet;

use super::plan::{Phase, Plan};

/// The label of a figure of a phase. Two figures are there for every phase or operation: `time`, its duration, and `ok`.
pub fn label(operation: &str, target: &str, figure: &str) -> String {
    extend(&join(&[operation, target]), figure)
}

/// The label of a figure of the phase whose labels begin so.
pub fn extend(phase: &str, figure: &str) -> String {
    if figure == "time" { phase.to_owned() } else { join(&[phase, figure]) }
}

/// Gives each phase the beginning of its labels. Those that fall together are numbered.
pub fn number(phases: &mut [Phase]) {
    let mut taken = HashSet::new();
    for phase in phases {
        let label = label(phase.operation, &phase.target, "time");
        let numbered = (2..).map(|number| format!("{label}_{number}"));
        phase.label = std::iter::once(label.clone()).chain(numbered).find(|label| !taken.contains(label)).unwrap();
        taken.insert(phase.label.clone());
    }
}

/// A label that a plan has, and whether it is there whatever happens.
pub struct Expected {
    pub label: String,
    pub always: bool,
}

/// All labels of a plan in their order: durations, the total, `_ok`, `timed_out`, figures, the certificate's days.
pub fn expected(plan: &Plan) -> Vec<Expected> {
    let phases = plan.phases();
    let sometimes = |label| Expected { label, always: false };
    let always = |label| Expected { label, always: true };
    let mut labels: Vec<Expected> = phases.iter().map(|phase| sometimes(phase.label("time"))).collect();
    labels.push(always("total".to_owned()));
    let counts = |phase: &&Phase| phase.is_task || phase.operation == "login";
    labels.extend(phases.iter().filter(counts).map(|phase| always(phase.label("ok"))));
    labels.push(always("timed_out".to_owned()));
    for phase in &phases {
        labels.extend(phase.figures.iter().map(|(figure, _)| sometimes(phase.label(figure))));
    }
    if phases.iter().any(|phase| phase.operation == "tls") {
        labels.push(sometimes(label("tls", "", "cert_days")));
    }
    labels
}

/// The parts with `_` between them and in place of what no label has: letters and digits of any script, `-` and `_` stay.
fn join(parts: &[&str]) -> String {
    let clean = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
    let parts: Vec<String> =
        parts.iter().filter(|part| !part.is_empty()).map(|part| part.chars().map(clean).collect()).collect();
    parts.join("_")
}
