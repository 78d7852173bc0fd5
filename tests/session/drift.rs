//! What lists the program's options or metrics elsewhere (help, README, man page, completions, Icinga's command, the
//! Director's basket, dashboard, alert rules) lists what the code has, all of it and nothing else.

use check_imap_session::options::{Format, Opt, Options, Request, TABLE};
use check_imap_session::output;
use check_imap_session::plan::Plan;
use check_imap_session::report::judge::judge;
use check_imap_session::report::{Certificate, Facts, Outcome, Record, Report};
use chrono::Utc;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::exposition::Exposition;
use crate::plugin::Plugin;

/// What the product promises, whatever the table says.
const REQUIRED: &str = "-H --hostname -p --port -4 -6 --every-address --tls --tls-name --ca-file --no-verify --tls-min \
    -u --username --password-file -m --mailbox --examine -t --timeout --limit -w --warning -c --critical --on-timeout \
    --on-failure -o --output --textfile --perfdata-u --exit-ok -v --extra-opts -V --version -h --help";

/// Repeatable: arrays in Icinga.
const REPEATABLE: [&str; 6] = ["mailbox", "limit", "warning", "critical", "on-timeout", "on-failure"];

#[test]
fn help_has_every_option_with_its_value() {
    let help = Plugin::new(["--help"]).run().stdout;
    let help = help.split("Examples:").next().unwrap();
    let lines: Vec<&str> = help.lines().map(str::trim_start).filter(|line| line.starts_with('-')).collect();
    for (line, opt) in lines.iter().zip(shown()) {
        assert!(line.starts_with(&heading(opt)), "{line}");
    }
    assert_eq!(lines.len(), shown().count(), "{help}");
    let names: BTreeSet<String> = shown().flat_map(names).collect();
    for required in REQUIRED.split_whitespace() {
        assert!(names.contains(required), "{required} is not in --help");
    }
}

#[test]
fn readme_has_every_option_with_its_value() {
    let readme = read("README.md");
    let table = readme.split("\n## Options\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: BTreeSet<&str> = table.lines().filter_map(|line| line.strip_prefix("| `-")?.split('`').next()).collect();
    let expected: BTreeSet<String> = shown().map(|opt| heading(opt)[1..].to_owned()).collect();
    assert_eq!(rows, expected.iter().map(String::as_str).collect(), "the rows of README's table of options");
}

#[test]
fn man_page_has_every_option_with_its_value() {
    let page = read("debian/check_imap_session.1");
    // Without the marks of troff: what is left is what is read.
    let plain = page.replace("\\-", "-").replace(['"'], "").replace("\\fI", "").replace("\\fR", "").replace("\\fB", "");
    let mut headings = BTreeSet::new();
    let mut lines = plain.split(".SH OPTIONS\n").nth(1).unwrap().split("\n.SH ").next().unwrap().lines();
    while let Some(line) = lines.next() {
        if line == ".TP" {
            let line = lines.next().unwrap_or_default();
            let text = line.split_once(' ').map_or("", |(_, text)| text);
            if text.starts_with('-') {
                headings.insert(text.replace(" , ", ", ").replace(' ', ""));
            }
        }
    }
    let expected: BTreeSet<String> = shown().map(|opt| heading(opt).replace(' ', "")).collect();
    assert_eq!(headings, expected, "the options of the man page");
    assert_eq!(unknown_options(&plain), BTreeSet::<&str>::new(), "in the man page");
}

#[test]
fn completions_have_every_option() {
    for file in ["debian/completions/check_imap_session.bash", "debian/completions/_check_imap_session"] {
        let text = read(file);
        let words: BTreeSet<&str> = text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .filter(|word| word.starts_with('-'))
            .collect();
        for name in shown().flat_map(names) {
            assert!(words.contains(name.as_str()), "{name} is not in {file}");
        }
        assert_eq!(unknown_options(&text), BTreeSet::<&str>::new(), "in {file}");
    }
}

#[test]
fn icinga_command_has_every_option_as_a_variable() {
    let text = read("icinga/imap_session.conf");
    // Without comments.
    let parts = text.split("/*").map(|part| part.split_once("*/").map_or(part, |(_, rest)| rest));
    let lines: Vec<&str> = parts.flat_map(str::lines).filter_map(|line| line.split("//").next()).collect();
    let code = lines.join("\n");
    for opt in checkable() {
        let Opt { long, .. } = opt;
        let key = format!("\"--{long}\"");
        // -v, -vv and -vvv are keys of their own.
        let is_there = code.contains(&key) || (*long == "verbose" && code.contains("\"-v"));
        assert!(is_there, "{key} is no argument of the CheckCommand");
        assert!(code.contains(&format!("${}$", variable(long))), "${}$ is not used", variable(long));
    }
    for long in REPEATABLE {
        let argument = code.split(&format!("\"--{long}\" = {{")).nth(1).unwrap().split('}').next().unwrap();
        // Each value with its key is what Icinga does by default.
        assert!(!argument.contains("repeat_key = false") && !argument.contains("skip_key"), "{long}: {argument}");
    }
    let arguments = code.matches("description = \"").count();
    assert!(arguments >= checkable().count(), "{arguments} descriptions");
    assert!(code.contains("env.IMAP_SESSION_PASSWORD = \"$imap_session_password$\""));
    assert_eq!(unknown_options(&code), BTreeSet::<&str>::new());
}

#[test]
fn director_basket_has_every_option_with_a_field() {
    let basket: Value = serde_json::from_str(&read("icinga/director/imap_session-basket.json")).unwrap();
    let arguments = basket["Command"]["imap_session"]["arguments"].as_object().expect("the command's arguments");
    let fields: BTreeMap<&str, &Value> = basket["Datafield"]
        .as_object()
        .unwrap()
        .values()
        .map(|field| (field["varname"].as_str().unwrap(), field))
        .collect();
    for Opt { long, .. } in checkable() {
        assert!(arguments.contains_key(&format!("--{long}")), "--{long} is no argument of the command");
        assert!(fields.contains_key(variable(long).as_str()), "{} has no field", variable(long));
    }
    for long in REPEATABLE {
        assert_eq!(arguments[&format!("--{long}")]["repeat_key"], true, "{long}");
        assert!(fields[variable(long).as_str()]["datatype"].as_str().unwrap().ends_with("DataTypeArray"), "{long}");
    }
    let known: BTreeSet<String> = TABLE.iter().map(|opt| format!("--{}", opt.long)).collect();
    let stray: Vec<&String> = arguments.keys().filter(|key| key.starts_with("--") && !known.contains(*key)).collect();
    assert!(stray.is_empty(), "{stray:?}");
    let password = fields["imap_session_password"];
    assert_eq!(password["settings"]["visibility"], "hidden", "{password}");
}

#[test]
fn readme_has_every_field_of_the_json() {
    let (report, options) = complete();
    let now = Utc::now();
    let json = output::render(Format::Json, &report, &judge(&report, &options, now), &options, now);
    let mut fields = BTreeSet::new();
    collect(&serde_json::from_str(&json).unwrap(), &mut fields);
    let readme = read("README.md");
    let section = readme.split("\n## JSON\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let (_, table) = section.split_once("|---|").unwrap();
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let words: BTreeSet<&str> = table.split(|c| !is_name(c)).collect();
    let untold: Vec<_> = fields.iter().filter(|field| !words.contains(field.as_str())).collect();
    assert!(untold.is_empty(), "not in README: {untold:?}");
    // The first cell of a row has names alone.
    let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let stray: Vec<&str> = cells
        .flat_map(|cell| cell.split(|c| !is_name(c)))
        .filter(|word| !word.is_empty() && !fields.contains(*word))
        .collect();
    assert!(stray.is_empty(), "not in the JSON: {stray:?}");
}

#[test]
fn dashboard_and_alerts_use_metrics_and_labels_that_are_there() {
    let (report, options) = complete();
    let exposition = Exposition::read(&output::prometheus(&report, &options)).0;
    let there: BTreeSet<&String> = exposition.keys().collect();
    let mut labels: BTreeSet<&str> =
        exposition.values().flatten().flat_map(|(labels, _)| labels.keys()).map(String::as_str).collect();
    // Those of a repeated mailbox and of several addresses, and Prometheus' own.
    labels.extend(["repetition", "address", "instance", "file"]);
    for file in ["icinga/grafana/imap_session.json", "icinga/examples/prometheus-alerts.yml"] {
        let text = read(file);
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        let used: BTreeSet<&str> =
            text.split(|c| !is_name(c)).filter(|word| word.len() > 13 && word.starts_with("imap_session_")).collect();
        let stray: Vec<_> = used.iter().filter(|name| !exposition.contains_key(**name)).collect();
        assert!(stray.is_empty(), "{file}: {stray:?} are no metrics, those are: {there:?}");
        // {phase="login"}, {phase!~"login"}, $labels.phase
        let matched = text.split(['"', '\\']).filter_map(|part| part.trim_end_matches('~').strip_suffix('='));
        let matched = matched.filter_map(|part| part.trim_end_matches('!').rsplit(|c| !is_name(c)).next());
        let named = text.split("$labels.").skip(1).filter_map(|part| part.split(|c| !is_name(c)).next());
        let stray: Vec<&str> = matched.chain(named).filter(|name| !name.is_empty() && !labels.contains(name)).collect();
        assert!(stray.is_empty(), "{file}: {stray:?} are no labels, those are: {labels:?}");
        assert!(used.len() >= 4, "{file} uses {used:?} only");
    }
    let readme = read("README.md");
    for name in there {
        assert!(readme.contains(name), "{name} is not in README");
    }
}

#[test]
fn what_takes_no_option_refuses_it() {
    // What the code answers to an option that it does not have.
    let answer = |name: &str| Plugin::new([name]).run().stdout;
    let pattern = answer("--no-such-option");
    assert!(pattern.contains("no-such-option"));
    for Opt { long, .. } in TABLE {
        assert_ne!(answer(&format!("--{long}")), pattern.replace("no-such-option", long), "{long} is not in the code");
    }
}

/// Those that `--help` has.
fn shown() -> impl Iterator<Item = &'static Opt> {
    TABLE.iter().filter(|opt| !opt.help.is_empty())
}

/// Those that make sense in a check.
fn checkable() -> impl Iterator<Item = &'static Opt> {
    shown().filter(|opt| !["help", "version"].contains(&opt.long))
}

/// `-H, --hostname HOST`
fn heading(opt: &Opt) -> String {
    let short = if opt.short.is_empty() { String::new() } else { format!("-{}, ", opt.short) };
    let gap = if opt.value.is_empty() || opt.value.starts_with("[=") { "" } else { " " };
    format!("{short}--{}{gap}{}", opt.long, opt.value)
}

fn names(opt: &'static Opt) -> impl Iterator<Item = String> {
    let short = (!opt.short.is_empty()).then(|| format!("-{}", opt.short));
    short.into_iter().chain([format!("--{}", opt.long)])
}

/// The variable of Icinga.
fn variable(long: &str) -> String {
    format!("imap_session_{}", long.replace('-', "_"))
}

/// Long options in a text that the program does not have.
fn unknown_options(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let longs = words.filter(|word| word.starts_with("--") && word.len() > 3 && !word.starts_with("---"));
    longs.filter(|word| !TABLE.iter().any(|opt| opt.long == &word[2..])).collect()
}

/// A report that has everything, and its options.
fn complete() -> (Report, Options) {
    let arguments = ["-H", "imap.example.org", "-u", "joe"].map(str::to_owned);
    let Ok(Request::Check(options)) = Options::parse(&arguments, Some(b"secret".to_vec())) else { panic!("options") };
    let plan = Plan::new(&options).unwrap();
    let ok = Record { time: Some(Duration::from_millis(1)), messages: Some(1), ..Record::new(Outcome::Ok) };
    let records = vec![ok; plan.phases.len()];
    let now = Utc::now();
    let certificate = Certificate { subject: "s".to_owned(), issuer: "i".to_owned(), not_before: now, not_after: now };
    let tried = vec![SocketAddr::from(([192, 0, 2, 1], 993))];
    let facts = vec![Facts { certificate: Some(certificate), tried, ..Facts::default() }];
    (Report { total: plan.total, obstacle: None, plan, records, timed_out: false, facts }, *options)
}

/// All field names.
fn collect(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            fields.extend(object.keys().cloned());
            object.values().for_each(|value| collect(value, fields));
        }
        Value::Array(array) => array.iter().for_each(|value| collect(value, fields)),
        _ => {}
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
}
