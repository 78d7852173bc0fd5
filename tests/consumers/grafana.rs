//! The dashboard, compiled as a value of Grafana's own types: the npm package @grafana/schema has them.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::real::{have, install_by_npm, output, project};

const DASHBOARD: &str = "icinga/grafana/imap_session.json";

#[test]
fn dashboard_is_a_value_of_the_types_of_grafana() {
    if !have(&["node", "npm"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    if !install_by_npm("tests/consumers/grafana", folder.path()) {
        return;
    }
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(project(DASHBOARD)).unwrap()).unwrap();
    let write = |name: &str, value: &Value| {
        let text =
            format!("import type {{ Dashboard }} from \"./schema\";\nexport const value: Dashboard = {value};\n");
        fs::write(folder.path().join(name), text).unwrap();
    };
    write("dashboard.ts", &dashboard);

    // Each of these has one fault, so that the types prove to be strict.
    let chart = position(&dashboard["panels"], "timeseries");
    let states = position(&dashboard["panels"], "state-timeline");
    let changed = |panel: usize, change: &dyn Fn(&mut Value)| {
        let mut value = dashboard.clone();
        change(&mut value["panels"][panel]);
        value
    };
    let faults = [
        (
            "missing.ts",
            changed(chart, &|panel| drop(panel["options"]["legend"].as_object_mut().unwrap().remove("calcs"))),
            "Property 'calcs' is missing",
        ),
        (
            "unknown.ts",
            changed(chart, &|panel| panel["options"]["legends"] = json!({})),
            "'\"legends\"' does not exist",
        ),
        (
            "word.ts",
            changed(states, &|panel| panel["options"]["legend"]["displayMode"] = json!("grid")),
            "'\"grid\"' is not assignable",
        ),
        (
            "custom.ts",
            changed(chart, &|panel| panel["fieldConfig"]["defaults"]["custom"]["lineColour"] = json!("red")),
            "'\"lineColour\"' does not exist",
        ),
    ];
    for (name, value, _) in &faults {
        write(name, value);
    }

    let compiler = folder.path().join("node_modules/typescript/bin/tsc");
    let run = output(Command::new("node").arg(compiler).args(["--pretty", "false"]).current_dir(folder.path()));
    let found = String::from_utf8_lossy(&run.stdout);
    let of = |name: &str| found.lines().filter(|line| line.starts_with(name)).collect::<Vec<_>>();
    assert_eq!(of("dashboard.ts"), Vec::<&str>::new(), "Grafana has other types");
    for (name, _, fault) in faults {
        assert!(of(name).iter().any(|line| line.contains(fault)), "{fault} was not found: {found}{:?}", run.stderr);
    }
}

/// Where the first panel of this type is.
fn position(panels: &Value, kind: &str) -> usize {
    panels.as_array().unwrap().iter().position(|panel| panel["type"] == kind).expect(kind)
}
