//! The labels of perfdata, and their order: the only place of the test programs that knows the rule (PRODUCT section 6).
use super::plan::{Phase, Plan};

/// The label of a figure of a phase. Two figures are there for every phase or operation: `time`, its duration, and `ok`.
pub fn label(operation: &str, target: &str, figure: &str) -> String {
    let phase = join(&[operation, target]);
    match figure {
        "time" => phase,
        _ => join(&[&phase, figure]),
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
