//! README and `docs/`: the tables of options, operations and figures.

use super::{list_shown_options, replace_part};
use crate::imap::auth::{MECHANISMS, Wants};
use crate::operation::{FRAME, Figure, OPERATIONS, Operation};

const END: &str = "<!-- end -->";

pub(super) fn generate_readme(committed: &str) -> Result<String, String> {
    replace_part(committed, "<!-- generated: operations -->", END, &make_operation_table())
}

pub(super) fn generate_operations(committed: &str) -> Result<String, String> {
    let text = replace_part(committed, "<!-- generated: operations -->", END, &make_operation_table())?;
    replace_part(&text, "<!-- generated: figures -->", END, &make_figure_table())
}

pub(super) fn generate_options(committed: &str) -> Result<String, String> {
    replace_part(committed, "<!-- generated: options -->", END, &make_option_table())
}

pub(super) fn generate_logging_in(committed: &str) -> Result<String, String> {
    replace_part(committed, "<!-- generated: mechanisms -->", END, &make_mechanism_table())
}

fn make_mechanism_table() -> String {
    let mut table = make_heading(&["`--auth`", "what the server gets", "the secret itself is sent", "`--authzid`"]);
    let say = |is_so| if is_so { "yes" } else { "no" };
    for mechanism in MECHANISMS {
        let sent = if mechanism.wants == Wants::Nothing { "there is none" } else { say(mechanism.sends_secret) };
        let name = format!("`{}`", mechanism.name);
        table += &make_row(&[&name, mechanism.help, sent, say(mechanism.takes_authzid)]);
    }
    table + "\n"
}

fn make_option_table() -> String {
    let mut table = make_heading(&["option", "meaning"]);
    for opt in list_shown_options() {
        table += &make_row(&[&format!("`{}`", opt.make_synopsis()), opt.doc]);
    }
    table + "\n"
}

fn make_operation_table() -> String {
    let mut table = make_heading(&["operation", "what is done", "figures"]);
    for operation in OPERATIONS {
        let figures: Vec<String> = operation.figures.iter().map(|figure| format!("`{}`", figure.name)).collect();
        let name = format!("`{}{}`", operation.name, operation.takes.show_placeholder());
        table += &make_row(&[&name, operation.help, &figures.join(", ")]);
    }
    table + "\n"
}

fn make_figure_table() -> String {
    let mut table = make_heading(&["figure", "what it is", "label in perfdata", "series in Prometheus"]);
    for operation in OPERATIONS.iter().chain(FRAME) {
        for figure in operation.figures {
            table += &make_row(&[
                &format!("`{}.{}`", operation.name, figure.name),
                figure.help,
                &make_labels(operation, figure),
                &format!("`imap_session_{}`", figure.metric.name),
            ]);
        }
    }
    table + "\n"
}

/// The label of a figure; if its target may be missing, both labels.
fn make_labels(operation: &Operation, figure: &Figure) -> String {
    let label = |target: &str| format!("`{}{target}_{}`", operation.name, figure.name);
    let placeholder = operation.takes.show_placeholder();
    let target = placeholder.trim_matches(['[', ']']).replace([':', '?'], "_");
    if placeholder.starts_with('[') { format!("{}, {}", label(""), label(&target)) } else { label(&target) }
}

fn make_heading(cells: &[&str]) -> String {
    // Without an empty line before it, the table would belong to the marker's block of HTML.
    format!("\n{}|{}\n", make_row(cells), "---|".repeat(cells.len()))
}

fn make_row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | ")).replace("|  |", "| |")
}
