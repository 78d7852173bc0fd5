//! The JSON output: its phases by their names, and their figures. The only place of the tests that knows in which fields a
//! phase has its target and its figures (PRODUCT section 7).
use serde_json::Value;

/// The first phase of this name (`login`, `select Archive`).
pub fn phase<'a>(json: &'a Value, name: &str) -> &'a Value {
    let phases = json["phases"].as_array().expect("phases");
    let is_it = |phase: &&Value| match phase["target"].as_str() {
        Some(target) => format!("{} {target}", phase["phase"].as_str().unwrap()) == name,
        None => phase["phase"] == name,
    };
    phases.iter().find(is_it).unwrap_or_else(|| panic!("no phase {name} in {json}"))
}

pub fn figure(phase: &Value, figure: &str) -> Option<f64> {
    phase["figures"][figure].as_f64()
}
