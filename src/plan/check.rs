//! Whether everything that the options name is in the plan. All errors say what is wrong and what would be right.

use std::collections::HashSet;

use super::range::Range;
use super::selector::{Selector, TIME, TOTAL};
use super::tasks::PlannedTask;
use super::{Phase, Plan, Request};
use crate::operation::Operation;
use crate::text::{self, show_value, suggest};

/// The most addresses that `--every-address` checks: more than any name of a mail service has.
pub const MAX_ADDRESSES: usize = 16;
/// More would outgrow the 64 KB that NRPE carries.
const MAX_TASKS: usize = 250;
/// Bytes of all targets together, for the same reason: each is part of several labels.
const MAX_TARGET_BYTES: usize = 8192;

/// The words that an option may have beside the name of a phase.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// `PHASE[:TARGET]`
    Limit,
    /// `PHASE[.FIGURE][:TARGET]` or `total`
    Threshold,
    /// `PHASE`
    State,
}

/// Whether the tasks fit together, and their report into what NRPE carries.
pub(super) fn check_tasks(tasks: &[PlannedTask], request: &Request) -> Result<(), String> {
    if let Some(task) = tasks.iter().find(|task| request.read_only && task.operation.writes) {
        let name = task.operation.name;
        return Err(format!("--examine: {name} changes the mailbox, right is one of them: --examine or {name}"));
    }
    let (most, with) =
        if request.every_address { (MAX_TASKS / MAX_ADDRESSES, " with --every-address") } else { (MAX_TASKS, "") };
    let number = tasks.len();
    if number > most {
        return Err(format!(
            "--operation: {number} mailboxes and operations are too many, the most is {most}{with}: more would not fit into the 64 KB that NRPE carries"
        ));
    }
    let bytes: usize = tasks.iter().filter_map(|task| task.target.as_ref()).map(String::len).sum();
    if bytes > MAX_TARGET_BYTES {
        return Err(format!(
            "--operation: the names of mailboxes have {bytes} bytes together, the most is {MAX_TARGET_BYTES}: more would not fit into the 64 KB that NRPE carries"
        ));
    }
    Ok(())
}

/// Whether every selector names something in the plan.
pub(super) fn check_names(request: &Request, plan: &Plan) -> Result<(), String> {
    for (selector, _) in &request.limits {
        check(plan, "--limit", selector, Naming::Limit, None)?;
    }
    for (option, thresholds) in [("--warning", &request.warning), ("--critical", &request.critical)] {
        for (selector, range) in thresholds {
            check(plan, option, selector, Naming::Threshold, Some(range))?;
        }
    }
    for (option, states) in [("--on-timeout", &request.on_timeout), ("--on-failure", &request.on_failure)] {
        for (selector, _) in states {
            check(plan, option, selector, Naming::State, None)?;
        }
    }
    Ok(())
}

fn check(plan: &Plan, option: &str, selector: &Selector, naming: Naming, range: Option<&Range>) -> Result<(), String> {
    let Some(name) = selector.phase.as_deref() else { return Ok(()) };
    if name == TOTAL && naming == Naming::Threshold {
        return if selector.figure() == TIME && selector.target.is_none() {
            Ok(())
        } else {
            Err(format!("{option}: total has no figure but its time and no mailbox, right is total=RANGE"))
        };
    }
    let named: Vec<&Phase> = plan.phases.iter().filter(|phase| phase.operation.name == name).collect();
    let Some(first) = named.first() else { return Err(format!("{option}: {}", explain_no_phase(plan, name, naming))) };
    if let Some(figure) = &selector.figure {
        let shown = show_value(figure);
        if naming != Naming::Threshold {
            return Err(format!("{option}: {name}.{shown} names a figure, only -w and -c take one"));
        }
        let figures = first.operation.figures;
        let found = figures.iter().find(|known| known.name == figure);
        if found.is_none() && figure != TIME {
            let figures: Vec<&str> = [TIME].into_iter().chain(figures.iter().map(|figure| figure.name)).collect();
            let hint = suggest(figure, figures.iter().copied());
            let figures = figures.join(", ");
            return Err(format!("{option}: {shown} is not a figure of {name}{hint}, those are: {figures}"));
        }
        let is_time = found.is_none_or(|figure| figure.unit.is_time());
        if range.is_some_and(|range| range.has_unit) && !is_time {
            return Err(format!("{option}: {name}.{shown} is no time, right is a range without a unit"));
        }
    }
    if let Some(target) = &selector.target {
        let target = show_value(target);
        let targets: Vec<String> =
            named.iter().filter_map(|phase| phase.target.as_deref()).map(|name| text::clean(name.as_bytes())).collect();
        if naming == Naming::State || targets.is_empty() {
            return Err(format!("{option}: {name}:{target} names a mailbox, right is {name} alone"));
        }
        if !named.iter().any(|phase| selector.matches(phase)) {
            let hint = suggest(&target, targets.iter().map(String::as_str));
            let targets = text::shorten(&targets.join(", "));
            return Err(format!("{option}: {target} is not a mailbox of this run{hint}, those are: {targets}"));
        }
    }
    Ok(())
}

/// Why no phase of this run has that name, and which name is right.
fn explain_no_phase(plan: &Plan, name: &str, naming: Naming) -> String {
    let mut planned: Vec<&Operation> = plan.phases.iter().map(|phase| phase.operation).collect();
    let mut seen = HashSet::new();
    planned.retain(|operation| seen.insert(operation.name));
    let shown = show_value(name);

    let has_figure = |operation: &&&Operation| operation.figures.iter().any(|figure| figure.name == name);
    let selectors = planned.iter().filter(has_figure).map(|operation| format!("{}.{name}", operation.name));
    let selectors: Vec<String> = selectors.filter(|_| naming == Naming::Threshold).collect();
    match selectors.as_slice() {
        [] => {}
        [right] => return format!("{shown} is a figure without its phase, right is {right}"),
        several => return format!("{shown} is a figure without its phase, right is one of {}", several.join(", ")),
    }
    let names: Vec<&str> = planned.iter().map(|operation| operation.name).collect();
    let hint = if name == TOTAL {
        " (the total has its own option, -t)".to_owned()
    } else {
        suggest(name, names.iter().copied())
    };
    format!("{shown} is not a phase of this run{hint}, those are: {}", names.join(", "))
}
