//! Prometheus: promtool reads what the plugin prints, a node exporter and a Prometheus of our own have all of it from
//! its textfiles, the alert rules tell what is wrong, and each panel of the dashboard gets an answer.

use crate::real::{BINARY, Daemon, find, free_port, have, output, project, run, wait_for};
use crate::testkit::dovecot::dovecot;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::{ScopedJoinHandle, scope, spawn};
use std::time::{Duration, SystemTime};

const ALERTS: &str = "icinga/examples/prometheus-alerts.yml";
const DASHBOARD: &str = "icinga/grafana/imap_session.json";
const LIMIT: Duration = Duration::from_secs(300);

/// A quote, a backslash, both, UTF-8, what ends a sample or its labels, and blanks.
const AWKWARD: [&str; 6] = ["say \"please\"", "back\\slash", "\\\"", "Entwürfe", "a{b=\"c\"} 1,#", "  two  blanks "];

/// Each kind of figure that Dovecot of the tests has. No other test counts the messages in that last mailbox.
const OPERATIONS: [&str; 6] =
    ["examine:Archive", "status:Archive", "search:Archive?SEEN", "age:Archive", "list", "append:Projects/2026/Summer"];

#[test]
fn promtool_has_no_remark_on_any_output() {
    if !have(&["promtool"]) {
        return;
    }
    let server = dovecot();
    let silent = ["-p", &server.silent_port.to_string(), "--tls", "none", "-t", "3"];
    let clear = ["-p", &server.imap_port.to_string(), "--tls", "none"];
    let nobody = ["-p", "1"];
    let awkward: Vec<&str> = AWKWARD.iter().flat_map(|name| ["-m", name]).collect();
    let several = ["-m", "INBOX", "-m", "Archive", "-m", "INBOX", "-m", "INBOX"];
    let operations: Vec<&str> = OPERATIONS.iter().flat_map(|operation| ["-O", operation]).collect();
    let port = scripted_server().to_string();
    let quota = ["-p", &port, "--tls", "none", "-O", "quota"];
    for (name, user, address, more, wanted) in [
        ("fine", "ordinary", "127.0.0.1", &[][..], "imap_session_success{host="),
        ("clear text", "ordinary", "127.0.0.1", &clear, "phase=\"login\"} 1\n"),
        ("failed login", "quote", "127.0.0.1", &[], "phase=\"login\"} 0\n"),
        ("time-out", "ordinary", "127.0.0.1", &silent, "phase=\"greeting\"} 1\n"),
        ("nobody there", "ordinary", "127.0.0.1", &nobody, "phase=\"connect\"} 0\n"),
        ("expired", "ordinary", "127.0.0.2", &[], "certificate_expiry_timestamp_seconds{"),
        ("addresses", "ordinary", "localhost", &["--every-address"], ",address=\"127.0.0.1\"} "),
        ("awkward", "ordinary", "127.0.0.1", &awkward, "mailbox=\"\\\\\\\"\"} 0\n"),
        ("twice", "ordinary", "127.0.0.1", &several, "mailbox=\"INBOX\",repetition=\"3\"} 1\n"),
        ("figures", "ordinary", "127.0.0.1", &operations, ",phase=\"search\",mailbox=\"Archive?SEEN\"} 0\n"),
        ("quota", "ordinary", "127.0.0.1", &quota, ",phase=\"quota\",resource=\"storage\"} 0.95\n"),
    ] {
        let output = output(plugin(user, address).args(["-o", "prometheus"]).args(more));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(wanted), "{name}: no {wanted} in {text}");
        assert_eq!(remarks(&text), "", "{name}: {text}");
    }
    assert!(remarks("imap_ms 1\n").contains("imap_ms"), "promtool would have told");
}

#[test]
fn the_alerts_fire_and_stay_silent_as_they_should() {
    if !have(&["promtool"]) {
        return;
    }
    let promtool = || Command::new(find("promtool").unwrap());
    run(promtool().args(["check", "rules"]).arg(project(ALERTS)));
    run(promtool().args(["test", "rules"]).arg(project("tests/consumers/alerts_test.yml")));
}

#[test]
fn no_sample_of_checks_in_one_folder_is_lost() {
    if !have(&["prometheus-node-exporter", "curl"]) {
        return;
    }
    let files = Textfiles::new();
    let exporter = Exporter::start(&files);
    let starttls = ["-p", &dovecot().imap_port.to_string(), "--tls", "starttls"];
    let awkward: Vec<&str> = AWKWARD.iter().flat_map(|name| ["-m", name]).collect();
    files.write("one", &mut plugin("ordinary", "127.0.0.1"));
    files.write("two", plugin("ordinary", "127.0.0.1").args(["-m", "INBOX", "-m", "Archive"]));
    files.write("three", plugin("ordinary", "127.0.0.1").args(["-m", "Archive", "-m", "Archive"]));
    files.write("four", plugin("ordinary", "127.0.0.1").args(&awkward));
    files.write("five", plugin("ordinary", "127.0.0.1").args(starttls));
    files.write("six", plugin("ordinary", "127.0.0.1").arg("--every-address"));
    files.write("seven", plugin("ordinary", "127.0.0.1").arg("--examine"));
    files.write("eight", &mut plugin("reader", "127.0.0.1"));
    files.write("nine", &mut plugin("quote", "127.0.0.1"));

    let written = files.samples();
    let seen = samples(&exporter.metrics());
    assert!(written.len() > 150, "{written:#?}");
    assert_eq!(files.count(), written.len(), "samples of two files fell together");
    let lost: Vec<_> = written.iter().filter(|(labels, value)| seen.get(*labels) != Some(*value)).collect();
    assert!(lost.is_empty() && seen.len() == written.len(), "{lost:#?} is not what the exporter has");
    for name in AWKWARD {
        let has = |(labels, _): (&Labels, &f64)| labels.get("mailbox").is_some_and(|mailbox| mailbox == name);
        assert!(seen.iter().any(has), "no mailbox {name} in {seen:#?}");
    }
    assert!(exporter.metrics().contains("\nnode_textfile_scrape_error 0\n"), "{}", exporter.log());
    assert!(!exporter.log().contains("level=error"), "{}", exporter.log());

    // That it would have told: the same check in a second file.
    fs::copy(files.file("one"), files.file("again")).unwrap();
    let twice = samples(&exporter.metrics());
    assert!(twice.len() < files.count() && exporter.log().contains("level=error"), "{}", exporter.log());
}

/// From the check to the alert and to the dashboard: each kind of trouble has a check.
#[test]
fn prometheus_tells_each_trouble_apart() {
    if !have(&["prometheus", "prometheus-node-exporter", "curl"]) {
        return;
    }
    let server = dovecot();
    let files = Textfiles::new();
    let silent = ["-p", &server.silent_port.to_string(), "--tls", "none", "-t", "3"];
    let starttls = ["-p", &server.imap_port.to_string(), "--tls", "starttls", "--tls-name", "other.example.net"];
    let trust = files.folder.path().join("it's \"our\" \\ CA");
    fs::copy(&server.ca_file, &trust).unwrap();
    files.write("fine", plugin("ordinary", "127.0.0.1").args(["-m", "INBOX", "-m", "Archive", "--ca-file"]).arg(trust));
    files.write("password", &mut plugin("quote", "127.0.0.1"));
    files.write("silent", plugin("ordinary", "127.0.0.1").args(silent));
    files.write("nobody", plugin("ordinary", "127.0.0.1").args(["-p", "1"]));
    files.write("name", plugin("ordinary", "127.0.0.1").args(starttls));
    files.write("expired", &mut plugin("ordinary", "127.0.0.2"));
    files.write("ending", &mut plugin("ordinary", "127.0.0.5"));
    files.write("refused", plugin("ordinary", "127.0.0.1").args(["-m", "Denied", "-m", "INBOX", "-m", "Empty"]));
    files.write("examined", plugin("ordinary", "127.0.0.1").args(["-O", "examine:Denied", "-m", "INBOX"]));
    let nowhere = ["--password-file", "/nonexistent/password"];
    files.write("unreadable", plugin("reader", "127.0.0.1").args(nowhere));
    files.write("figures", plugin("ordinary", "127.0.0.1").args(OPERATIONS.iter().flat_map(|o| ["-O", o])));
    let secret = server.password_file("ordinary");
    // Nobody gives a token there.
    let mut token = Command::new(BINARY);
    token.args(["-H", "127.0.0.1", "-p", &server.imaps_port.to_string(), "-u", "ordinary", "--auth", "xoauth2"]);
    token.args(["--oauth-token-url", "http://127.0.0.1:1/token", "--oauth-client-id", "monitor"]);
    files.write("token", token.arg("--oauth-client-secret-file").arg(secret));
    let hangs = ["-p", &scripted_server().to_string(), "--tls", "none"];
    let hangs = |more: &[&str]| {
        let mut plugin = plugin("ordinary", "127.0.0.1");
        plugin.args(hangs).args(more);
        plugin
    };
    files.write("hung", &mut hangs(&["--limit", "select=2", "-m", "Archive", "-m", "INBOX"]));
    files.write("both", &mut hangs(&["--limit", "select=2", "-m", "Archive", "-m", "Denied", "-m", "INBOX"]));
    // The total limit ends it, so that nobody knows of the others.
    files.write("unreached", &mut hangs(&["-t", "3", "-m", "Archive", "-m", "Denied", "-m", "INBOX"]));
    files.write("full", &mut hangs(&["-O", "age:INBOX", "-O", "quota"]));
    files.write("addresses", plugin("ordinary", "127.0.0.1").args(["--every-address", "-m", "Archive"]));
    let exporter = Exporter::start(&files);
    let prometheus = Prometheus::start(&exporter, &files);

    every_sample_is_answered_for(&prometheus, &files);
    the_right_alerts_are_there(&prometheus, &files);
    the_dashboard_shows_it(&prometheus);

    // Then the check itself: not run for an hour, a file that is none, all files gone.
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(files.file("fine")).unwrap().set_modified(hour_ago).unwrap();
    prometheus.wait_for_alert("ImapCheckStale", |alert| alert["file"].as_str() == files.file("fine").to_str());
    fs::write(files.file("torn"), "imap_session_success{host=\"torn").unwrap();
    prometheus.wait_for_alert("ImapCheckUnreadable", |_| true);
    for entry in fs::read_dir(files.folder.path()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    prometheus.wait_for_alert("ImapCheckMissing", |_| true);
}

fn every_sample_is_answered_for(prometheus: &Prometheus, files: &Textfiles) {
    let written = files.samples();
    let scraped = |labels: &Labels| {
        let of_target = |(name, _): &(&String, &String)| !["instance", "job"].contains(&name.as_str());
        labels.iter().filter(of_target).map(|(k, v)| (k.clone(), v.clone())).collect::<Labels>()
    };
    let answered = wait_for("Prometheus has all samples", LIMIT, || {
        let answered = prometheus.query("{__name__=~\"imap_session_.*\"}");
        (answered.len() == written.len()).then_some(answered)
    });
    let answered: BTreeMap<Labels, f64> =
        answered.into_iter().map(|(labels, value)| (scraped(&labels), value)).collect();
    assert_eq!(answered, written);
}

fn the_right_alerts_are_there(prometheus: &Prometheus, files: &Textfiles) {
    let rules = prometheus.get("rules", &[]);
    let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
    assert!(rules.len() >= 8, "{rules:#?}");
    let checks = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| files.check(name)).collect() };
    for (alert, expected) in [
        ("ImapLoginFailing", checks(&["password", "silent", "nobody", "name", "expired", "unreadable", "token"])),
        ("ImapOperationFailing", checks(&["refused", "both", "examined"])),
        ("ImapOperationTimingOut", checks(&["hung", "both", "unreached"])),
        ("ImapCertificateExpiring", checks(&["expired", "ending"])),
        ("ImapMailboxOld", checks(&["full"])),
        ("ImapQuotaHigh", checks(&["full"])),
        ("ImapCheckStale", checks(&[])),
        ("ImapCheckUnreadable", checks(&[])),
        ("ImapCheckMissing", checks(&[])),
    ] {
        // Each rule is looked at each second; one that is to be silent was looked at too once the others are there.
        let of = |(labels, _): (Labels, f64)| format!("{}:{} {}", labels["host"], labels["port"], labels["check"]);
        let is = || prometheus.query(&format!("ALERTS{{alertname=\"{alert}\"}}")).into_iter().map(of).collect();
        wait_for(&format!("{alert} is there for {expected:?}"), LIMIT, || {
            let is: BTreeSet<String> = is();
            (is == expected).then_some(())
        });
    }
    for (alert, mailboxes) in
        [("ImapOperationFailing", vec!["Denied"; 3]), ("ImapOperationTimingOut", vec!["Archive"; 3])]
    {
        // A scrape that took too long takes the alerts away until the next one.
        wait_for(&format!("{alert} is there for {mailboxes:?}"), LIMIT, || {
            let alerts = prometheus.query(&format!("ALERTS{{alertname=\"{alert}\"}}"));
            let named: Vec<&str> = alerts.iter().map(|(labels, _)| labels["mailbox"].as_str()).collect();
            (named == mailboxes).then_some(())
        });
    }
    for rule in prometheus.get("rules", &[])["groups"][0]["rules"].as_array().unwrap() {
        assert_eq!(rule["health"], "ok", "{rule:#?}");
    }
}

fn the_dashboard_shows_it(prometheus: &Prometheus) {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(project(DASHBOARD)).unwrap()).unwrap();
    assert_eq!(dashboard["__inputs"][0]["name"], "DS_PROMETHEUS");
    let mut names = vec![];
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        let query = variable["query"]["query"].as_str().unwrap();
        let (series, label) =
            query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap().rsplit_once(", ").unwrap();
        let found = prometheus.get(&format!("label/{label}/values"), &[("match[]", &for_all(series))]);
        assert!(!found.as_array().unwrap().is_empty(), "{name}: {query}");
        names.push(name);
    }
    assert_eq!(names, ["host", "port", "check"]);
    let panels = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    let panels: Vec<&Value> = panels.collect();
    for check in
        prometheus.get("label/check/values", &[]).as_array().unwrap().iter().map(|check| check.as_str().unwrap())
    {
        for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
            let answer = prometheus.query(&for_check(target["expr"].as_str().unwrap(), check));
            let is_of_it = |(labels, _): &(Labels, f64)| labels.get("check").is_none_or(|label| label == check);
            assert!(answer.iter().all(is_of_it), "{check}: {answer:#?}");
        }
        assert!(!prometheus.query(&for_check("imap_session_success{check=~\"$check\"}", check)).is_empty(), "{check}");
    }

    let mut shown: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().unwrap() {
            let expression = for_all(target["expr"].as_str().unwrap());
            // Those over a time have no sample yet in the first second.
            let answer = wait_for(&format!("{title}: an answer to {expression}"), LIMIT, || {
                Some(prometheus.query(&expression)).filter(|answer| !answer.is_empty())
            });
            let legend = target["legendFormat"].as_str().unwrap();
            let mut values: Vec<f64> = answer.iter().map(|(_, value)| *value).collect();
            values.sort_by(f64::total_cmp);
            shown.insert(format!("{title}: {legend}"), values);
            // One line of a panel for each set of the labels that its legend shows.
            let line = |(labels, _): &(Labels, f64)| {
                let shown = legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap());
                shown.map(|label| labels.get(label).cloned().unwrap_or_default()).collect::<Vec<String>>()
            };
            let lines: BTreeSet<Vec<String>> = answer.iter().map(line).collect();
            assert_eq!(lines.len(), answer.len(), "{title}: {legend} does not tell {answer:#?} apart");
        }
    }
    // Five are fine, two hang, three are refused, one is silent, six do not get in otherwise.
    let state =
        ["State now", "State"].map(|title| &shown[&format!("{title}: {{{{host}}}}:{{{{port}}}} {{{{check}}}}")]);
    assert_eq!(state, [&[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 4.0]; 2]);
    for (phase, failures) in [
        ("token", 1.0),
        ("resolve", 1.0),
        ("connect", 1.0),
        ("starttls", 0.0),
        ("tls", 2.0),
        ("greeting", 1.0),
        ("login", 1.0),
    ] {
        assert_eq!(shown[&format!("Failures by phase: {phase}")], [failures], "{phase}");
    }
    let failures = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 7.0];
    assert_eq!(shown["Failures by phase: {{phase}}"], failures, "examine, select, and none of the others");
    for (panel, label, values) in [
        ("Unseen messages", "", &[5.0][..]),
        ("Matches of searches", "", &[0.0]),
        ("Quota", "{{resource}} ", &[0.5, 0.95]),
        ("Mailboxes", "", &[10.0]),
        ("Removed messages of the write test", "", &[1.0]),
    ] {
        let legend = format!("{panel}: {{{{host}}}}:{{{{port}}}} {{{{mailbox}}}} {label}{{{{address}}}}");
        assert_eq!(shown[&legend], values, "{panel}");
    }
    let ages = &shown["Age of messages: {{host}}:{{port}} {{mailbox}} {{which}} {{address}}"];
    assert!(ages.len() == 4 && ages[1] < 3600.0 && ages[2] > 9e8, "{ages:?}");
    // Of the two that have an alert, and of the others a year.
    let days = &shown["Certificate: days left: {{host}}:{{port}} {{address}}"];
    assert!(days[0] < -2.9 && (4.0..5.1).contains(&days[1]) && days[2] > 300.0, "{days:?}");
    let logins = &shown["Logins that worked: logins"];
    assert!((logins[0] - 10.0 / 17.0).abs() < 1e-9, "{logins:?}, 10 of 17 checks");
}

#[test]
fn a_textfile_is_never_partial() {
    let files = Textfiles::new();
    let few = ["-m", "INBOX"];
    let many: Vec<String> = (0..100).map(|number| format!("--mailbox=Missing {number}")).collect();
    files.write("shared", plugin("ordinary", "127.0.0.1").args(few));
    let short = files.samples().len();
    files.write("shared", plugin("ordinary", "127.0.0.1").args(&many));
    let long = files.samples().len();
    assert!(short > 20 && long > short + 150, "{short} {long}");

    let (mut reads, mut both) = (0, BTreeSet::new());
    scope(|threads| {
        let writers: Vec<_> = (0..3)
            .map(|_| {
                threads.spawn(|| {
                    for _ in 0..25 {
                        files.write("shared", plugin("ordinary", "127.0.0.1").args(few));
                        files.write("shared", plugin("ordinary", "127.0.0.1").args(&many));
                    }
                })
            })
            .collect();
        while !writers.iter().all(ScopedJoinHandle::is_finished) {
            let text = fs::read_to_string(files.file("shared")).unwrap();
            let count = samples(&text).len();
            assert!(text.ends_with('\n') && [short, long].contains(&count), "{count} samples: {text}");
            reads += 1;
            both.insert(count);
        }
    });
    assert!(reads > 100 && both.len() == 2, "{reads} reads of {both:?}");
    assert_eq!(fs::read_dir(files.folder.path()).unwrap().count(), 1, "what was written beside it is gone");
}

/// The command of the cron line and that of the unit, in a folder as the examples want it.
#[test]
fn cron_and_the_unit_write_the_textfile() {
    let cron = fs::read_to_string(project("icinga/examples/textfile.cron")).unwrap();
    let unit = fs::read_to_string(project("icinga/examples/imap-session-textfile.service")).unwrap();
    let line = cron.lines().find(|line| !line.starts_with('#') && !line.is_empty()).unwrap();
    let (times, command) = line.split_once(" imap-session ").expect("the user after the times");
    assert_eq!(times, "* * * * *");
    assert!(!command.contains('%'), "cron ends a line there");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    for (name, command, password) in
        [("cron", command, "/etc/imap-session.password"), ("unit", start, "${CREDENTIALS_DIRECTORY}/password")]
    {
        let files = Textfiles::new();
        let file = files.file("imap.example.org");
        let server = dovecot();
        let there = server.password_file("ordinary");
        let plugin = files.plugin();
        let at = format!("-H 127.0.0.1 -p {} --ca-file {}", server.imaps_port, server.ca_file);
        let mut edited = command.to_owned();
        for (theirs, ours) in [
            ("/usr/lib/nagios/plugins/check_imap_session", plugin.to_str().unwrap()),
            ("/var/lib/prometheus/node-exporter/imap_session_imap.example.org.prom", file.to_str().unwrap()),
            ("-H imap.example.org", &at),
            ("-u monitor", "-u ordinary"),
            (password, there.to_str().unwrap()),
        ] {
            assert!(edited.contains(theirs), "{name}: no {theirs} in {command}");
            edited = edited.replace(theirs, ours);
        }
        // Twice: the second run replaces what the first one wrote.
        for _ in 0..2 {
            let output = output(as_other_user().args(["/bin/sh", "-c", &format!("umask 022; {edited}")]));
            assert_eq!(output.status.code(), Some(0), "{name}: {edited}: {output:?}");
            assert_eq!(output.stdout.is_empty(), name == "cron", "{output:?}");
            assert!(output.stderr.is_empty(), "{output:?}");
        }
        let seen = files.samples();
        let success = |(labels, value): (&Labels, &f64)| labels["__name__"] == "imap_session_success" && *value > 0.0;
        assert!(seen.iter().any(success), "{seen:#?}");
        let mode = output(Command::new("stat").args(["-c", "%a"]).arg(&file));
        assert_eq!(mode.stdout, b"644\n", "node_exporter is another user");
    }
}

#[test]
fn systemd_takes_the_units() {
    if !have(&["systemd-analyze"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let units = ["imap-session-textfile.service", "imap-session-textfile.timer"].map(|name| {
        let text = fs::read_to_string(project("icinga/examples").join(name)).unwrap();
        let unit = folder.path().join(name);
        fs::write(&unit, text.replace("/usr/lib/nagios/plugins/check_imap_session", BINARY)).unwrap();
        unit
    });
    let verify = |units: &[PathBuf]| {
        let output = output(Command::new("systemd-analyze").arg("verify").args(units));
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(verify(&units), (true, String::new()));
    let text = fs::read_to_string(&units[0]).unwrap();
    fs::write(&units[0], text.replace("ProtectHome", "ProtectHouse")).unwrap();
    assert!(verify(&units).1.contains("ProtectHouse"), "it would have told");
}

/// Name and labels of a sample, the name as `__name__`.
type Labels = BTreeMap<String, String>;

/// A folder of the textfile collector: as the examples say, others may write there, but not replace.
struct Textfiles {
    folder: tempfile::TempDir,
    beside: tempfile::TempDir,
}

impl Textfiles {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap(), beside: tempfile::tempdir().unwrap() };
        run(Command::new("chmod").arg("755").arg(files.beside.path()));
        if is_root() {
            run(Command::new("chgrp").arg("nogroup").arg(files.folder.path()));
            run(Command::new("chmod").arg("1775").arg(files.folder.path()));
        }
        files
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("imap_session_{name}.prom"))
    }

    fn write(&self, name: &str, plugin: &mut Command) {
        let said = run(plugin.arg("--exit-ok").arg("--textfile").arg(self.file(name)));
        assert!(self.file(name).is_file() && !said.contains("textfile"), "{said}");
    }

    fn texts(&self) -> String {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "prom"));
        files.map(|file| fs::read_to_string(file).unwrap()).collect()
    }

    /// What all files have, a sample once.
    fn samples(&self) -> BTreeMap<Labels, f64> {
        samples(&self.texts())
    }

    fn count(&self) -> usize {
        self.texts().lines().filter(|line| !line.starts_with('#')).count()
    }

    /// How alerts name the check of a file.
    fn check(&self, name: &str) -> String {
        let samples = samples(&fs::read_to_string(self.file(name)).unwrap());
        let labels = samples.keys().next().unwrap();
        format!("{}:{} {}", labels["host"], labels["port"], labels["check"])
    }

    /// Where any user can run it.
    fn plugin(&self) -> PathBuf {
        let plugin = self.beside.path().join("check_imap_session");
        fs::copy(BINARY, &plugin).unwrap();
        plugin
    }
}

struct Exporter {
    port: u16,
    log: PathBuf,
    _daemon: Daemon,
    _folder: tempfile::TempDir,
}

impl Exporter {
    fn start(files: &Textfiles) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, log) = (free_port(), folder.path().join("log"));
        let mut exporter = Command::new(find("prometheus-node-exporter").unwrap());
        exporter.arg(format!("--web.listen-address=127.0.0.1:{port}")).args([
            "--collector.disable-defaults",
            "--collector.textfile",
            &format!("--collector.textfile.directory={}", files.folder.path().display()),
        ]);
        let exporter = Self { port, _daemon: Daemon::start(&mut exporter, &log), log, _folder: folder };
        wait_for("the exporter answers", LIMIT, || {
            exporter.metrics().contains("node_textfile_scrape_error").then_some(())
        });
        exporter
    }

    fn metrics(&self) -> String {
        curl(&format!("http://127.0.0.1:{}/metrics", self.port), &[])
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

struct Prometheus {
    port: u16,
    _daemon: Daemon,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(exporter: &Exporter, files: &Textfiles) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let file = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\n\
             scrape_configs:\n  - job_name: node\n    static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
            project(ALERTS).display(),
            exporter.port
        );
        fs::write(&file, text).unwrap();
        run(Command::new(find("promtool").unwrap()).args(["check", "config"]).arg(&file));
        let mut prometheus = Command::new(find("prometheus").unwrap());
        prometheus
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let daemon = Daemon::start(&mut prometheus, &folder.path().join("log"));
        let prometheus = Self { port, _daemon: daemon, _folder: folder };
        let expected = files.count();
        wait_for("Prometheus scrapes", LIMIT, || {
            let ready = curl(&format!("http://127.0.0.1:{port}/-/ready"), &[]).contains("Ready");
            (ready && prometheus.query("{__name__=~\"imap_session_.*\"}").len() >= expected).then_some(())
        });
        prometheus
    }

    /// What a call of the API answers with; it must be a success.
    fn get(&self, call: &str, parameters: &[(&str, &str)]) -> Value {
        let answer = curl(&format!("http://127.0.0.1:{}/api/v1/{call}", self.port), parameters);
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|why| panic!("{why}: {answer}"));
        assert_eq!(answer["status"], "success", "{parameters:?}: {answer:#?}");
        answer["data"].clone()
    }

    fn query(&self, expression: &str) -> Vec<(Labels, f64)> {
        let answer = self.get("query", &[("query", expression)]);
        let sample = |sample: &Value| {
            let labels = serde_json::from_value(sample["metric"].clone()).unwrap();
            (labels, sample["value"][1].as_str().unwrap().parse().unwrap())
        };
        answer["result"].as_array().unwrap().iter().map(sample).collect()
    }

    /// Until it is pending or firing.
    fn wait_for_alert(&self, name: &str, is: impl Fn(&Value) -> bool) {
        wait_for(name, LIMIT, || {
            let alerts = self.get("alerts", &[]);
            let mut alerts = alerts["alerts"].as_array().unwrap().iter().map(|alert| &alert["labels"]);
            alerts.any(|labels| labels["alertname"] == name && is(labels)).then_some(())
        });
    }
}

/// A check of Dovecot; the user quote gets the password of another one.
fn plugin(user: &str, address: &str) -> Command {
    let server = dovecot();
    let password = server.password_file(if user == "quote" { "ordinary" } else { user });
    let mut plugin = Command::new(BINARY);
    plugin.args(["-H", address, "-p", &server.imaps_port.to_string(), "--ca-file", &server.ca_file, "-u", user]);
    plugin.arg("--password-file").arg(password);
    plugin
}

/// A server that is silent at the SELECT of Archive, refuses Denied, and says yes to all else. Its one message is old and
/// its quota nearly used up.
fn scripted_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let session = move |mut client: TcpStream| -> io::Result<()> {
        client.write_all(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")?;
        for line in io::BufReader::new(client.try_clone()?).lines() {
            let line = line?;
            let tag = line.split(' ').next().unwrap_or_default();
            if line.contains("Denied") {
                write!(client, "{tag} NO denied\r\n")?;
            } else if !line.contains("Archive") {
                let untagged = match line.split(' ').nth(1) {
                    Some("CAPABILITY") => "CAPABILITY IMAP4rev1 QUOTA",
                    Some("FETCH") => r#"1 FETCH (INTERNALDATE "17-Jul-1996 02:44:25 -0700")"#,
                    Some("GETQUOTAROOT") => r#"QUOTA "" (STORAGE 19 20 MESSAGE 1 2)"#,
                    _ => "1 EXISTS",
                };
                write!(client, "* {untagged}\r\n{tag} OK done\r\n")?;
            }
        }
        Ok(())
    };
    spawn(move || listener.incoming().flatten().for_each(|client| drop(spawn(move || session(client)))));
    port
}

/// As Grafana asks with all hosts, ports and checks chosen.
fn for_all(expression: &str) -> String {
    asked(expression, ".*")
}

/// As Grafana asks with one check chosen: what is special in a regular expression is escaped for it and for the string.
fn for_check(expression: &str, check: &str) -> String {
    let escaped = |char: char| match char {
        '\\' => r"\\\\".to_owned(),
        '$' | '^' | '*' | '{' | '}' | '[' | ']' | '\'' | '+' | '?' | '.' | '(' | ')' | '|' => format!(r"\\{char}"),
        char => char.to_string(),
    };
    asked(expression, &check.chars().map(escaped).collect::<String>())
}

fn asked(expression: &str, check: &str) -> String {
    let mut expression = expression.to_owned();
    for (variable, value) in
        [("$host", ".*"), ("$port", ".*"), ("$__range", "5m"), ("$__interval", "1s"), ("$check", check)]
    {
        expression = expression.replace(variable, value);
    }
    assert!(!expression.contains('$'), "{expression}");
    expression
}

/// What promtool says of it.
fn remarks(text: &str) -> String {
    let mut promtool = Command::new(find("promtool").unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    promtool.args(["check", "metrics"]).stdin(Stdio::from(fs::File::open(file.path()).unwrap()));
    let output = promtool.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    format!("{}{}", String::from_utf8_lossy(&said), if output.status.success() { "" } else { " (refused)" })
}

/// Nothing where nobody answers.
fn curl(url: &str, parameters: &[(&str, &str)]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--noproxy", "*", "--max-time", "30", "--get"]);
    for (name, value) in parameters {
        curl.args(["--data-urlencode", &format!("{name}={value}")]);
    }
    String::from_utf8(output(curl.arg(url)).stdout).unwrap()
}

/// Those of this plugin in a text of Prometheus.
fn samples(text: &str) -> BTreeMap<Labels, f64> {
    text.lines().filter(|line| line.starts_with("imap_session_")).map(sample).collect()
}

fn sample(line: &str) -> (Labels, f64) {
    let (name, mut rest) = line.split_once('{').unwrap_or_else(|| panic!("no labels: {line}"));
    let mut labels = Labels::from([("__name__".to_owned(), name.to_owned())]);
    while !rest.starts_with('}') {
        let (label, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        let mut characters = value.char_indices();
        let mut unescaped = String::new();
        loop {
            match characters.next().unwrap_or_else(|| panic!("no end of a label: {line}")) {
                (at, '"') => {
                    rest = &value[at + 1..];
                    break;
                }
                (_, '\\') => match characters.next().unwrap().1 {
                    'n' => unescaped.push('\n'),
                    character => unescaped.push(character),
                },
                (_, character) => unescaped.push(character),
            }
        }
        // The exporter gives all samples of a name all labels, those that were not there without a value.
        if !unescaped.is_empty() {
            labels.insert(label.to_owned(), unescaped);
        }
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    (labels, rest[1..].trim().parse().unwrap_or_else(|why| panic!("{why}: {line}")))
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")).trim() == "0"
}

/// Runs what follows with an empty environment, and where that is possible as a user that has no other right than
/// that of the folder's group.
fn as_other_user() -> Command {
    let mut command = Command::new("env");
    command.args(["-i", "PATH=/usr/bin:/bin"]);
    if is_root() {
        command.args(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    }
    command
}
