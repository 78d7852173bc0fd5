//! Reads the text exposition format of Prometheus by a strict grammar, stricter than Prometheus itself.

use std::collections::{BTreeMap, BTreeSet};

/// Labels in the order of their names, and the value.
pub type Sample = (BTreeMap<String, String>, f64);

/// All samples by metric.
#[derive(Debug)]
pub struct Exposition(pub BTreeMap<String, Vec<Sample>>);

impl Exposition {
    /// Panics where the text is not as it should be: each metric once with HELP and TYPE before its samples, no two samples
    /// alike, plain decimal values, no timestamp, a line end at the end.
    pub fn read(text: &str) -> Self {
        let mut metrics: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut name = "";
        assert!(text.ends_with('\n'), "no line end: {text}");
        let mut lines = text.split_terminator('\n');
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                name = help.split(' ').next().unwrap();
                assert!(help.len() > name.len() + 1, "no help: {line}");
                assert_eq!(lines.next(), Some(format!("# TYPE {name} gauge").as_str()));
                assert!(metrics.insert(name.to_owned(), Vec::new()).is_none(), "{name} twice");
                continue;
            }
            if line.starts_with("# ") {
                // What went wrong with our own files, at the end.
                assert!(!line.starts_with("# TYPE") && lines.next().is_none(), "remark: {line}");
                break;
            }
            let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix('{'));
            let (labels, value) = labels(rest.unwrap_or_else(|| panic!("not of {name}: {line}")));
            assert!(value.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte)), "value: {line}");
            assert!(seen.insert((name, labels.clone())), "twice: {line}");
            metrics.get_mut(name).unwrap().push((labels, value.parse().unwrap()));
        }
        assert!(metrics.values().all(|samples| !samples.is_empty()), "a metric without a sample: {text}");
        Self(metrics)
    }

    /// The values of a metric's samples that have all these labels.
    pub fn values(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let samples = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        let has =
            |sample: &&Sample| labels.iter().all(|(label, value)| sample.0.get(*label).is_some_and(|v| v == value));
        samples.iter().filter(has).map(|(_, value)| *value).collect()
    }
}

/// What stands behind `{`: the labels, and behind `} ` the value.
fn labels(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    loop {
        let (name, behind) = rest.split_once("=\"").expect("a label");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "label name: {rest}");
        let mut value = String::new();
        let mut characters = behind.chars();
        loop {
            match characters.next().expect("the end of a value") {
                '"' => break,
                '\\' => value.push(match characters.next() {
                    Some('n') => '\n',
                    Some(c @ ('\\' | '"')) => c,
                    other => panic!("escaped {other:?}: {rest}"),
                }),
                c => value.push(c),
            }
        }
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name} twice: {rest}");
        rest = characters.as_str();
        if let Some(value) = rest.strip_prefix("} ") {
            return (labels, value);
        }
        rest = rest.strip_prefix(',').expect("a comma");
    }
}
