//! Files that are written by hand and list the program's options, phases, figures or metrics (Icinga's command, the Director's
//! basket, examples, templates, dashboard, alert rules) have all of the options, and nothing that the tables do not have. What is made of
//! the tables is in `generated.rs`.

use check_imap_session::facts::{Certificate, Facts};
use check_imap_session::imap::auth::MECHANISMS;
use check_imap_session::operation::{self, FRAME, OPERATIONS, Operation};
use check_imap_session::options::table::{Completes, Given, Opt, list_options};
use check_imap_session::options::{Options, Request};
use check_imap_session::output::FORMATS;
use check_imap_session::output::json::JSON;
use check_imap_session::output::prometheus;
use check_imap_session::plan::Plan;
use check_imap_session::plan::selector::{Selector, TIME, TOTAL};
use check_imap_session::report::judge::judge;
use check_imap_session::report::{Outcome, PhaseReport, Report};
use chrono::Utc;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::exposition::Exposition;
use crate::plugin::Plugin;
use crate::testkit::json;

/// What the product promises, whatever the table says.
const REQUIRED: &str = "-H --hostname -p --port -4 -6 --every-address --source --proxy-protocol --tls --tls-name --ca-file \
    --client-cert --client-key --no-verify --tls-min -u --username --auth --authzid --password-file --password-command -m \
    --mailbox -O --operation --examine -t --timeout --limit -w --warning -c --critical \
    --on-timeout --on-failure -o --output --textfile --perfdata-u --no-perfdata --exit-ok -v --extra-opts -V --version -h --help";

const ZABBIX_TEMPLATES: [&str; 2] =
    ["icinga/examples/zabbix-template-agent.yaml", "icinga/examples/zabbix-template-external.yaml"];

#[test]
fn help_has_every_option_with_its_value() {
    let help = Plugin::new(["--help"]).run().stdout;
    let help = help.split("Examples:").next().unwrap();
    // Further to the right an option is a word of the text.
    let lines = help.lines().filter(|line| line.len() - line.trim_start().len() <= 6).map(str::trim_start);
    let lines: Vec<&str> = lines.filter(|line| line.starts_with('-')).collect();
    for (line, opt) in lines.iter().zip(shown()) {
        assert!(line.starts_with(&opt.make_synopsis()), "{line}");
    }
    assert_eq!(lines.len(), shown().count(), "{help}");
    let names: BTreeSet<String> = shown().flat_map(names).collect();
    for required in REQUIRED.split_whitespace() {
        assert!(names.contains(required), "{required} is not in --help");
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
    for Opt { long, .. } in list_arrays() {
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
    for Opt { long, .. } in list_arrays() {
        assert_eq!(arguments[&format!("--{long}")]["repeat_key"], true, "{long}");
        assert!(fields[variable(long).as_str()]["datatype"].as_str().unwrap().ends_with("DataTypeArray"), "{long}");
    }
    let known: BTreeSet<String> = list_options().map(|opt| format!("--{}", opt.long)).collect();
    let stray: Vec<&String> = arguments.keys().filter(|key| key.starts_with("--") && !known.contains(*key)).collect();
    assert!(stray.is_empty(), "{stray:?}");
    let known: BTreeSet<String> = checkable().map(|opt| variable(opt.long)).collect();
    let is_known = |name: &str| known.contains(name) || name == "imap_session_password";
    let stray: Vec<&&str> = fields.keys().filter(|name| !is_known(name)).collect();
    assert!(stray.is_empty(), "{stray:?} belong to no option");
    // A field is in the form only if the template has its number.
    let form = basket["ServiceTemplate"]["imap_session"]["fields"].as_array().expect("the form's fields");
    let form: BTreeSet<String> = form.iter().map(|field| field["datafield_id"].to_string()).collect();
    let numbers: BTreeSet<String> = basket["Datafield"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(form, numbers, "the fields of the template's form");
    for opt in checkable() {
        let words: BTreeSet<&str> = match opt.completes {
            Completes::Words(words) => words.iter().copied().collect(),
            Completes::Mechanisms => MECHANISMS.iter().map(|mechanism| mechanism.name).collect(),
            // A picture is for a person at a terminal.
            Completes::Formats => FORMATS.iter().filter(|format| !format.draws).map(|format| format.name).collect(),
            _ => continue,
        };
        let Some(list) = fields[variable(opt.long).as_str()]["settings"]["datalist"].as_str() else { continue };
        let entries = basket["DataList"][list]["entries"].as_array().expect("the list's entries");
        let entries: BTreeSet<&str> = entries.iter().map(|entry| entry["entry_name"].as_str().unwrap()).collect();
        assert_eq!(entries, words, "the choices of --{}", opt.long);
    }
    let password = fields["imap_session_password"];
    assert_eq!(password["settings"]["visibility"], "hidden", "{password}");
}

/// The Director sorts the fields of a form by caption, and its groups by their first field.
#[test]
fn director_basket_has_captions_that_sort_into_groups_with_the_most_needed_first() {
    let groups = [
        ("server", "hostname"),
        ("TLS", "tls"),
        ("account", "username"),
        ("access token", "oauth_token_url"),
        ("mailboxes", "mailbox"),
        ("limits and states", "timeout"),
        ("output", "output"),
    ];
    let basket: Value = serde_json::from_str(&read("icinga/director/imap_session-basket.json")).unwrap();
    let mut fields: Vec<(&str, &str, &str)> = Vec::new();
    for (number, field) in basket["Datafield"].as_object().unwrap() {
        let [caption, category, name] = ["caption", "category", "varname"].map(|key| field[key].as_str().unwrap());
        assert!(basket["DatafieldCategory"][category].is_object(), "{category}");
        // Its number in the basket is that of its caption.
        assert_eq!(caption.replacen('.', "", 1).split(' ').next(), Some(number.as_str()), "{caption}");
        fields.push((caption, category, name));
    }
    fields.sort_unstable();
    let mut fields = fields.into_iter().peekable();
    for (group, (title, first)) in (1..).zip(groups) {
        let category = format!("IMAP session: {title}");
        assert_eq!(fields.peek().map(|field| field.2), Some(format!("imap_session_{first}").as_str()), "{category}");
        // One digit each, because 1.10 comes before 1.2.
        let mut places = 1..=9;
        while let Some((caption, ..)) = fields.next_if(|field| field.1 == category) {
            let place = places.next().expect("at most nine fields in a group");
            assert!(caption.starts_with(&format!("{group}.{place} ")), "{caption} is not {group}.{place}");
        }
    }
    assert_eq!(fields.next(), None, "a group of its own");
}

#[test]
fn examples_name_options_phases_and_figures_that_are_there() {
    let selecting = [Completes::Limits, Completes::Thresholds, Completes::States];
    let selecting: Vec<&'static Opt> = shown().filter(|opt| selecting.contains(&opt.completes)).collect();
    let takes_selectors = |line: &str| {
        let words: BTreeSet<&str> = line.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))).collect();
        let is_named = |opt: &&'static Opt| {
            words.contains(variable(opt.long).as_str()) || names(opt).any(|name| words.contains(name.as_str()))
        };
        selecting.iter().any(is_named) || line.contains("PHASE=") || line.contains("SELECTOR=")
    };
    let mut checked = BTreeSet::new();
    for file in list_examples() {
        let text = read(&file);
        let is_icinga = Path::new(&file).extension().is_some_and(|end| end == "conf");
        for line in text.lines().filter(|line| is_icinga || line.contains("check_imap_session")) {
            assert_eq!(unknown_options(line), BTreeSet::<&str>::new(), "{file}: {line}");
        }
        for line in text.lines() {
            let has_selectors = takes_selectors(line);
            for word in line.split(|c: char| c.is_whitespace() || "\"',[](){}!;".contains(c)) {
                let (selector, value) = Selector::split(word);
                match selector.and_then(|selector| selector.phase.clone().map(|phase| (phase, selector))) {
                    // (interval=300) stands before a command of Checkmk's agent.
                    Some((phase, selector))
                        if has_selectors && !value.is_empty() && is_name(&phase) && phase != "interval" =>
                    {
                        let complaint = explain_unknown(&phase, selector.figure());
                        assert_eq!(complaint, None, "{file}: {word}");
                        checked.insert(word.to_owned());
                    }
                    // Such as "tls.cert_days" in the middle of a sentence.
                    _ => {
                        let name = word.split([':', '=']).next().unwrap().trim_end_matches('.');
                        let Some((phase, figure)) = name.split_once('.') else { continue };
                        if list_phases().any(|row| row.name == phase) {
                            assert_eq!(explain_unknown(phase, figure), None, "{file}: {word}");
                        }
                    }
                }
            }
        }
    }
    assert!(checked.len() >= 10, "{checked:?}");
}

#[test]
fn man_page_names_options_that_are_there() {
    let page = read("debian/check_imap_session.1").replace("\\-", "-").replace("\\f", " ");
    assert_eq!(unknown_options(&page), BTreeSet::<&str>::new());
}

#[test]
fn man_page_says_of_the_states_what_help_says() {
    let page = read("debian/check_imap_session.1").replace("\n.B", "").replace("\\-", "-").replace('\n', " ");
    let help = Plugin::new(["--help"]).run().stdout;
    let states = help.split_once("States:\n").expect("the states").1.split_whitespace().collect::<Vec<_>>().join(" ");
    for (code, name) in ["OK", "WARNING", "CRITICAL", "UNKNOWN"].iter().enumerate() {
        let text = states.split_once(&format!("{code} {name} ")).expect(name).1;
        let next = format!(" {} ", code + 1);
        let text = text.split(&next).next().unwrap();
        assert!(page.contains(&format!("{name}: {text}")), "{name}: {text}: not in the man page: {page}");
    }
}

#[test]
fn document_of_the_json_has_every_field() {
    let (report, options) = complete();
    let json = (JSON.render)(&judge(&report, Utc::now()), &options.make_output_settings());
    let mut fields = BTreeSet::new();
    collect(&json::read(&json), &mut fields);
    let document = read("docs/json.md");
    let (_, table) = document.split_once("|---|").unwrap();
    let words: BTreeSet<&str> = table.split(|c| !is_name_character(c)).collect();
    let missing: Vec<_> = fields.iter().filter(|field| !words.contains(field.as_str())).collect();
    assert!(missing.is_empty(), "not in docs/json.md: {missing:?}");
    // The first cell of a row has names alone.
    let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let stray: Vec<&str> = cells
        .flat_map(|cell| cell.split(|c| !is_name_character(c)))
        .filter(|word| !word.is_empty() && !fields.contains(*word))
        .collect();
    assert!(stray.is_empty(), "not in the JSON: {stray:?}");
}

#[test]
fn dashboard_and_alerts_use_metrics_labels_and_phases_that_are_there() {
    let (report, options) = complete();
    let exposition = Exposition::read(&prometheus::render(&report, &options.make_output_settings())).0;
    let there: BTreeSet<&String> = exposition.keys().collect();
    let mut labels: BTreeSet<&str> =
        exposition.values().flatten().flat_map(|(labels, _)| labels.keys()).map(String::as_str).collect();
    // Those of a repeated mailbox and of several addresses, and Prometheus' own.
    labels.extend(["repetition", "address", "instance", "file"]);
    for file in ["icinga/grafana/imap_session.json", "icinga/examples/prometheus-alerts.yml"] {
        let text = read(file);
        let used: BTreeSet<&str> = text
            .split(|c| !is_name_character(c))
            .filter(|word| word.len() > 13 && word.starts_with("imap_session_"))
            .collect();
        let stray: Vec<_> = used.iter().filter(|name| !exposition.contains_key(**name)).collect();
        assert!(stray.is_empty(), "{file}: {stray:?} are no metrics, those are: {there:?}");
        // {phase="login"}, {phase!~"login"}, $labels.phase
        let matched = text.split(['"', '\\']).filter_map(|part| part.trim_end_matches('~').strip_suffix('='));
        let matched = matched.filter_map(|part| part.trim_end_matches('!').rsplit(|c| !is_name_character(c)).next());
        let named = text.split("$labels.").skip(1).filter_map(|part| part.split(|c| !is_name_character(c)).next());
        let stray: Vec<&str> = matched.chain(named).filter(|name| !name.is_empty() && !labels.contains(name)).collect();
        assert!(stray.is_empty(), "{file}: {stray:?} are no labels, those are: {labels:?}");
        assert!(used.len() >= 4, "{file} uses {used:?} only");
        let phases: Vec<&str> = text.split("phase").skip(1).flat_map(list_matched_values).collect();
        let stray: Vec<&&str> = phases.iter().filter(|name| list_phases().all(|row| row.name != **name)).collect();
        assert!(stray.is_empty(), "{file}: {stray:?} are no phases");
        assert!(phases.len() >= 4, "{file} uses {phases:?} only");
    }
    let documents = read("docs/prometheus.md") + &read("docs/operations.md");
    for name in there {
        assert!(documents.contains(name), "{name} is in neither document");
    }
}

#[test]
fn zabbix_templates_use_fields_phases_and_figures_that_are_there() {
    let schema: Value = serde_json::from_str(&read("docs/check_imap_session.schema.json")).unwrap();
    let mut known = BTreeSet::new();
    collect_properties(&schema, &mut known);
    known.extend(list_phases().flat_map(|row| row.figures).map(|figure| figure.name.to_owned()));
    // Functions of Zabbix.
    known.extend(["first", "length"].map(str::to_owned));
    for file in ZABBIX_TEMPLATES {
        let text = read(file);
        let paths: Vec<String> = text.lines().filter_map(find_json_path).collect();
        assert!(paths.len() > 25, "{paths:?}");
        for path in &paths {
            // Without what is compared with.
            let names: String = path.split('"').step_by(2).collect();
            let names = names.split(|c| !is_name_character(c)).filter(|name| !name.is_empty());
            let stray: Vec<&str> = names.filter(|name| !known.contains(*name)).collect();
            assert!(stray.is_empty(), "{file}: {path}: {stray:?}");
        }
        let compared: Vec<&str> =
            text.split("@.phase == \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let is_known = |name: &&str| *name == "{#PHASE}" || list_phases().any(|row| row.name == *name);
        assert!(compared.iter().all(is_known), "{file}: {compared:?}");

        // Each figure of an operation has an item, and the override of its operation puts it in.
        let (_, operations) = text.split_once("key: imap.session.operations\n").expect("the rule for operations");
        let wanted: BTreeSet<(String, String)> = OPERATIONS
            .iter()
            .flat_map(|row| row.figures.iter().map(|figure| (row.name.to_owned(), figure.name.to_owned())))
            .collect();
        assert_eq!(list_overridden_figures(operations), wanted, "{file}");
    }
}

/// Only the item that runs the plugin differs, and who looks for it.
#[test]
fn zabbix_templates_are_the_same_but_for_who_runs_the_plugin() {
    let [agent, external] = ZABBIX_TEMPLATES.map(|file| {
        let text = read(file);
        let (_, body) = text.split_once("\n      items:\n").expect("items");
        let key = body.split("key: ").nth(1).unwrap().lines().next().unwrap().to_owned();
        let name = text.split("template: '").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let body = body.replace(&key, "KEY").replace(&name, "NAME").replace("          type: EXTERNAL\n", "");
        let is_own = |line: &&str| !line.contains("uuid: ");
        let lines: Vec<String> = body.lines().filter(is_own).map(str::to_owned).collect();
        lines
    });
    let file =
        external.iter().position(|line| line.contains("{$IMAP_SESSION.FILE}")).expect("the macro for the ini file");
    let mut external = external;
    // With its value and its description.
    external.drain(file..file + 3);
    assert_eq!(agent, external);
}

#[test]
fn what_takes_no_option_refuses_it() {
    // What the code answers to an option that it does not have.
    let answer = |name: &str| Plugin::new([name]).run().stdout;
    let pattern = answer("--no-such-option");
    assert!(pattern.contains("no-such-option"));
    for Opt { long, .. } in list_options() {
        assert_ne!(answer(&format!("--{long}")), pattern.replace("no-such-option", long), "{long} is not in the code");
    }
}

/// Those that users see.
fn shown() -> impl Iterator<Item = &'static Opt> {
    list_options().filter(|opt| opt.is_shown())
}

/// Those that make sense in a check.
fn checkable() -> impl Iterator<Item = &'static Opt> {
    let by_hand = ["repeat", "interval"];
    shown().filter(move |opt| opt.given != Given::Alone && !by_hand.contains(&opt.long))
}

/// Those that are arrays in Icinga. Of `--extra-opts` it takes one.
fn list_arrays() -> impl Iterator<Item = &'static Opt> {
    let has_value = |opt: &&Opt| !opt.value.is_empty() && !opt.has_optional_value();
    shown().filter(|opt| opt.given == Given::Repeatedly).filter(has_value)
}

fn list_phases() -> impl Iterator<Item = &'static Operation> {
    FRAME.iter().chain(OPERATIONS).copied()
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
    longs.filter(|word| list_options().all(|opt| opt.long != &word[2..])).collect()
}

/// Files with command lines or thresholds for people to copy.
fn list_examples() -> Vec<String> {
    let mut files = Vec::new();
    for folder in ["icinga", "icinga/director", "icinga/examples"] {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let end = name.rsplit('.').next().unwrap();
            if ["conf", "cfg", "json", "service", "cron", "yaml"].contains(&end) {
                files.push(format!("{folder}/{name}"));
            }
        }
    }
    files
}

/// What is wrong with a phase and its figure.
fn explain_unknown(phase: &str, figure: &str) -> Option<String> {
    if phase == TOTAL {
        return (figure != TIME).then(|| format!("{TOTAL} has no {figure}"));
    }
    let Some(row) = list_phases().find(|row| row.name == phase) else { return Some(format!("{phase} is no phase")) };
    let is_there = figure == TIME || row.figures.iter().any(|known| known.name == figure);
    (!is_there).then(|| format!("{phase} has no {figure}"))
}

/// The names in what stands behind the label in a query: `=~"select|logout",host=...`, in JSON with `\` before each quote.
fn list_matched_values(behind: &str) -> Vec<&str> {
    let value = behind.trim_start_matches(['=', '!', '~']);
    if value.len() == behind.len() {
        return Vec::new();
    }
    let value = value.trim_start_matches('\\').strip_prefix('"').unwrap_or_default();
    value.split(['"', '\\']).next().unwrap().split('|').collect()
}

/// The names of the fields in a JSON Schema.
fn collect_properties(schema: &Value, names: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        names.extend(properties.keys().cloned());
    }
    match schema {
        Value::Object(map) => map.values().for_each(|value| collect_properties(value, names)),
        Value::Array(list) => list.iter().for_each(|value| collect_properties(value, names)),
        _ => {}
    }
}

fn find_json_path(line: &str) -> Option<String> {
    let value = line.trim_start().strip_prefix("- ").or_else(|| line.trim_start().strip_prefix("path: "))?;
    let value = value.trim_matches('\'');
    value.starts_with("$.").then(|| value.to_owned())
}

/// Operation and figure: those whose item an override of the operation puts in.
fn list_overridden_figures(rule: &str) -> BTreeSet<(String, String)> {
    let end_of_name = |line: &str| line.rsplit(": ").next().map(|end| end.trim_end_matches('\'').to_owned());
    let mut figures = BTreeMap::new();
    let mut item = String::new();
    let mut phases = Vec::new();
    let mut found = BTreeSet::new();
    for line in rule.lines().map(str::trim_start) {
        if line.starts_with("name: 'IMAP session: {#PHASE} {#TARGET}: ") {
            item = end_of_name(line).unwrap();
        } else if let Some((_, rest)) = line.split_once(".figures.") {
            figures.insert(item.clone(), rest.split('.').next().unwrap().to_owned());
        } else if let Some(pattern) = line.strip_prefix("value: ^") {
            phases = pattern.trim_matches(['(', ')', '$']).split('|').map(str::to_owned).collect();
        } else if let Some(name) = line.strip_prefix("value: ': ") {
            let figure = figures.get(name.trim_end_matches("$'")).expect(name);
            found.extend(phases.iter().map(|phase: &String| (phase.clone(), figure.clone())));
        }
    }
    found
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_lowercase() || c == '_'
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_character)
}

/// A report that has everything, and its options.
pub fn complete() -> (Report, Options) {
    let mut arguments: Vec<String> = ["-H", "imap.example.org", "-u", "joe"].map(str::to_owned).into();
    arguments.extend(OPERATIONS.iter().map(|row| format!("--operation={}{}", row.name, row.takes.show_example())));
    let Ok(Request::Check(options)) = Options::parse(&arguments, Some(b"secret".to_vec())) else { panic!("options") };
    let plan = Plan::new(&options.plan).unwrap();
    let mut report = Report::new(&plan, plan.total);
    report.phases.extend(plan.phases.into_iter().map(|phase| {
        let values = phase.operation.figures.iter().map(|figure| (*figure, operation::Value::Known(1.0))).collect();
        PhaseReport { time: Some(Duration::from_millis(1)), values, ..PhaseReport::new(phase, Outcome::Ok) }
    }));
    let now = Utc::now();
    let certificate = Certificate { subject: "s".to_owned(), issuer: "i".to_owned(), not_before: now, not_after: now };
    let tried = vec![SocketAddr::from(([192, 0, 2, 1], 993))];
    report.facts = vec![Facts { certificate: Some(certificate), addresses: tried.clone(), tried, ..Facts::default() }];
    (report, *options)
}

/// All field names; those of `figures` are names of figures.
fn collect(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            fields.extend(object.keys().cloned());
            let others = object.iter().filter(|(name, _)| *name != "figures");
            others.for_each(|(_, value)| collect(value, fields));
        }
        Value::Array(array) => array.iter().for_each(|value| collect(value, fields)),
        _ => {}
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
}
