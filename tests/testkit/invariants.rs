//! What holds for the report of every run, given its plan alone.
use super::labels::expected;
use super::nagios::Run;
use super::plan::{Phase, Plan};

/// A phase as its line in the output reports it.
pub struct Line<'a> {
    pub phase: Phase,
    /// `OK`, `WARNING`, `CRITICAL`, `UNKNOWN` or `not run`.
    pub state: &'a str,
    /// What stands behind its name: `0.042 s`, `failed: why`, `timed out after 0.500 s (its limit 0.5 s)`.
    pub text: &'a str,
}

impl Line<'_> {
    pub fn outcome(&self) -> &'static str {
        let words = [("failed: ", "failed"), ("timed out after ", "timed out"), ("not run: ", "not run")];
        words.into_iter().find(|(start, _)| self.text.starts_with(start)).map_or("ok", |(_, outcome)| outcome)
    }
}

/// The phases' lines: one for each phase of the plan, in its order. None if the run shows no lines, as it may when all is
/// well.
pub fn read_lines<'a>(plan: &Plan, run: &'a Run) -> Option<Vec<Line<'a>>> {
    let lines = run.long_text();
    if lines.is_empty() {
        assert_eq!(run.code, 0, "exit code, and there is no line that says why");
        return None;
    }
    let found: Vec<(&str, &str)> = lines.iter().filter_map(|line| line.strip_prefix('[')?.split_once("] ")).collect();
    let phases = plan.phases();
    let planned: Vec<String> = phases.iter().map(Phase::name).collect();
    let mut read = Vec::new();
    for (phase, (state, text)) in phases.into_iter().zip(&found) {
        let name = phase.name();
        let text = text.strip_prefix(&name).and_then(|text| text.strip_prefix(": "));
        let text = text.unwrap_or_else(|| panic!("a line of {name} was to come, and came: {found:?}"));
        read.push(Line { phase, state, text });
    }
    assert_eq!(found.len(), planned.len(), "lines of phases: {found:?}, planned {planned:?}");
    Some(read)
}

/// The figures of a phase that is ok. Ages have grown since the server sent its dates.
pub fn check_figures(phase: &Phase, run: &Run) {
    for (figure, wanted) in &phase.figures {
        let label = phase.label(figure);
        let item = run.item(&label).unwrap_or_else(|| panic!("no label {label} in {:?}", run.labels()));
        let value = item.value.unwrap_or(f64::NAN);
        let range = if item.unit == "s" { *wanted..=wanted + 60.0 } else { *wanted..=*wanted };
        assert!(range.contains(&value), "{label}: {value}, not {wanted}");
    }
}

/// Labels in the order of the plan, and those that are always there.
pub fn check_labels(plan: &Plan, run: &Run) {
    let (labels, expected) = (run.labels(), expected(plan));
    for each in expected.iter().filter(|each| each.always) {
        assert!(labels.contains(&each.label), "no label {} in {labels:?}", each.label);
    }
    let mut rest = expected.iter();
    for label in &labels {
        assert!(
            rest.any(|each| each.label == *label),
            "{label} is none of the plan's labels, or not in its place: {labels:?}"
        );
    }
}
