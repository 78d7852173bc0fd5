//! The schema of `-o json`: that it describes every field, and refuses what is not as it says. That the program prints what it
//! says is held wherever a test reads JSON (`testkit::json::read`).

use std::collections::BTreeSet;

use check_imap_session::net::TlsMode;
use check_imap_session::operation::{FRAME, OPERATIONS};
use check_imap_session::output::json::JSON;
use check_imap_session::report::judge::judge;
use chrono::Utc;
use serde_json::{Value, json};

use crate::drift::complete;
use crate::testkit::json::{SCHEMA, check, read};

#[test]
fn every_field_is_described_and_required_and_there_is_no_other() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut objects = vec![&schema];
    objects.extend(schema["$defs"].as_object().unwrap().values());
    assert!(objects.iter().all(|object| object["description"].is_string()));
    objects.retain(|object| object["type"] == "object");
    assert_eq!(objects.len(), 5);
    for object in objects {
        let fields = object["properties"].as_object().unwrap();
        for (name, field) in fields {
            let description = field["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{name}: {description:?}");
            let is_typed = ["type", "enum", "$ref", "anyOf"].iter().any(|keyword| field.get(keyword).is_some());
            assert!(is_typed, "{name} has no type");
            let kind = field["$ref"].as_str().unwrap_or_default();
            if kind.contains("/seconds") {
                assert!(description.contains("in seconds"), "{name}: {description}");
            }
            let text = field.to_string();
            if text.contains("\"null\"") || text.contains(",null]") || kind.ends_with("_or_null") {
                assert!(description.contains("Null "), "{name}: when is it null? {description}");
            }
        }
        let required: BTreeSet<&str> =
            object["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(required, fields.keys().map(String::as_str).collect());
        assert_eq!(object["additionalProperties"], false);
    }
}

#[test]
fn it_has_the_words_of_the_program() {
    let schema = schema();
    let modes: Vec<&str> = TlsMode::NAMES.iter().map(|(name, _)| *name).collect();
    assert_eq!(schema["properties"]["tls_mode"]["enum"], json!(modes));
    let described = schema["$defs"]["phase"]["properties"]["figures"]["description"].as_str().unwrap();
    let words: BTreeSet<&str> = described.split(|c: char| !(c.is_ascii_lowercase() || c == '_')).collect();
    for figure in FRAME.iter().chain(OPERATIONS).flat_map(|operation| operation.figures) {
        assert!(words.contains(figure.name), "the unit of {} is not told", figure.name);
    }
}

#[test]
fn a_field_that_is_missing_or_unknown_fails() {
    let document = document();
    let mut fields = Vec::new();
    list_fields(&document, "", &mut fields);
    assert!(fields.len() > 50, "{fields:?}");
    for (object, field) in fields {
        let mut less = document.clone();
        let in_object = |document: &mut Value, change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            change(document.pointer_mut(&object).unwrap().as_object_mut().unwrap());
        };
        in_object(&mut less, &|object| assert!(object.remove(&field).is_some()));
        let fault = check(&less).expect_err(&format!("{object}/{field} may be missing"));
        assert!(fault.contains(&field), "{field}: {fault}");
        let mut more = document.clone();
        in_object(&mut more, &|object| assert!(object.insert("surprise".to_owned(), Value::Null).is_none()));
        let fault = check(&more).expect_err(&format!("{object} may have more"));
        assert!(fault.contains("surprise"), "{fault}");
    }
}

#[test]
fn a_value_of_another_kind_fails() {
    let document = document();
    for (place, value) in [
        ("/time", json!("yesterday")),
        ("/port", json!("993")),
        ("/port", json!(0)),
        ("/tls_mode", json!("ssl")),
        ("/verify", json!(1)),
        ("/state", json!("Ok")),
        ("/state", json!("WARNING")),
        ("/exit_code", json!(1)),
        ("/exit_code", json!(4)),
        ("/duration", json!(-1)),
        ("/duration", Value::Null),
        ("/limit", json!("8 s")),
        ("/addresses/0", json!("localhost")),
        ("/phases/0/phase", Value::Null),
        ("/phases/0/outcome", json!("OK")),
        ("/phases/0/outcome", json!("timed out")),
        ("/phases/0/outcome", json!("failed")),
        ("/phases/0/reason", json!("why")),
        ("/phases/0/ended_by", json!("phase")),
        ("/phases/0/ended_by", json!("nobody")),
        ("/phases/0/duration", json!("0.1")),
        ("/phases/0/figures", json!({ "messages": "5" })),
        ("/phases/0/figures", json!({ "Messages": 5 })),
        ("/phases/0/figures", json!([])),
        ("/connections/0/address", json!("localhost")),
        ("/connections/0/certificate/not_after", json!(0)),
        ("/connections/0/certificate/days_left", Value::Null),
    ] {
        let mut changed = document.clone();
        changed.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")).clone_from(&value);
        assert!(check(&changed).is_err(), "{place} may be {value}");
    }
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// One that has everything.
fn document() -> Value {
    let (report, options) = complete();
    read(&(JSON.render)(&judge(&report, Utc::now()), &options.make_output_settings()))
}

/// Each field of each object, by the object's place; those of `figures` may be any.
fn list_fields(value: &Value, place: &str, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                fields.push((place.to_owned(), name.clone()));
                if name != "figures" {
                    list_fields(value, &format!("{place}/{name}"), fields);
                }
            }
        }
        Value::Array(array) => {
            for (number, value) in array.iter().enumerate() {
                list_fields(value, &format!("{place}/{number}"), fields);
            }
        }
        _ => {}
    }
}
