//! The JSON output, held against its schema: its phases by their names, and their figures. The only place of the tests that
//! reads it, and that knows in which fields a phase has its target and its figures (PRODUCT section 7).
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// The file that is shipped.
pub const SCHEMA: &str = include_str!("../../docs/check_imap_session.schema.json");

static COMPILED: LazyLock<(Schemas, SchemaIndex)> = LazyLock::new(|| {
    // A name that nothing is loaded by.
    const NAME: &str = "file:///check_imap_session.schema.json";
    let mut compiler = Compiler::new();
    // `date-time`, `ipv4` and `ipv6` are more than remarks here.
    compiler.enable_format_assertions();
    compiler.add_resource(NAME, serde_json::from_str(SCHEMA).expect("the schema is JSON")).expect("its name is a URL");
    let mut schemas = Schemas::new();
    let index = compiler.compile(NAME, &mut schemas).unwrap_or_else(|fault| panic!("{fault:#}"));
    (schemas, index)
});

/// Reads what one run printed: one object on one line. Panics if it is anything else than what the schema says.
pub fn read(text: &str) -> Value {
    let line = text.strip_suffix('\n').unwrap_or_else(|| panic!("no whole line: {text:?}"));
    assert!(!line.contains('\n'), "more than one line: {text}");
    let json = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {text}"));
    check(&json).unwrap_or_else(|fault| panic!("{fault}\nin {text}"));
    json
}

/// What is not as the schema has it.
pub fn check(json: &Value) -> Result<(), String> {
    let (schemas, index) = &*COMPILED;
    schemas.validate(json, *index).map_err(|fault| fault.to_string())
}

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
