//! Dead and bad networks for real: what is tried, and what is reported of each, stands in `tests/network.sh`.
use std::path::Path;
use std::process::Command;

use crate::testkit::plugin::{BINARY, skipped};

#[test]
fn it_ends_in_time_and_names_the_phase_on_dead_and_lossy_networks() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/network.sh");
    let output =
        Command::new("timeout").arg("120").arg("bash").arg(script).arg(&*BINARY).output().expect("bash starts");
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(77) {
        skipped(&said);
        return;
    }
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}{faults}", output.status);
    assert!(said.lines().count() > 20, "{said}{faults}");
}
