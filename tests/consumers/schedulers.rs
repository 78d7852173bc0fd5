//! Schedulers other than Icinga and Nagios: Monit and collectd run their examples; the commands of the examples for
//! Checkmk, Telegraf and Sensu are run as these programs do, and their output is read as they read it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::real::{BINARY, Daemon, have, output, project, run, wait_for};
use crate::testkit::dovecot::dovecot;
use crate::testkit::nagios::Run;
use crate::testkit::schedulers::{Metric, Points, Service, check_all_read, read_for_sensu};

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn monit_reports_the_state_and_shows_all_of_the_text() {
    if !have(&["monit"]) || !is_root() {
        return;
    }
    let desk = Desk::new();
    let example = desk.adapt(
        "monit.conf",
        &[(
            "as uid \"imap-session\" and gid \"imap-session\"".to_owned(),
            "as uid \"nobody\" and gid \"nogroup\"".to_owned(),
        )],
    );
    let broken = example.replace("program imap ", "program broken ").replace("Sent Items", "Nowhere");
    assert_ne!(broken, example);
    let path = |name: &str| desk.path(name).display().to_string();
    let main = format!(
        "set daemon 1\nset log {}\nset pidfile {}\nset idfile {}\nset statefile {}\n\
         set httpd unixsocket {} allow admin:\"secret\"\n{example}\n{broken}\n",
        path("log"),
        path("pid"),
        path("id"),
        path("state"),
        path("socket")
    );
    let file = desk.write("monitrc", &main, "600");
    let _daemon = Daemon::start(Command::new("monit").arg("-c").arg(&file).arg("-I"), &desk.path("out"));
    let status = |name: &str, code: i32| {
        let code = format!("last exit value              {code}\n");
        wait_for(name, LIMIT, || {
            let shown = output(Command::new("monit").arg("-c").arg(&file).args(["status", name]));
            let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
            shown.contains(&code).then_some(shown)
        })
    };
    let good = status("imap", 0);
    assert!(good.contains("IMAP is OK: localhost: login 0."), "{good}");
    let bad = status("broken", 2);
    assert!(bad.contains("Status failed") && bad.contains("IMAP is CRITICAL: localhost: select Nowhere "), "{bad}");
    assert!(bad.contains("[OK] logout: "), "the last line is cut off: {bad}");
    assert!(!good.contains('|') && !bad.contains('|'), "{bad}");
    let alert = "'broken' status failed (2) -- IMAP is CRITICAL: ";
    wait_for("the alert", LIMIT, || fs::read_to_string(desk.path("log")).ok()?.contains(alert).then_some(()));
}

#[test]
fn collectd_gets_every_value_and_a_notification_of_each_change() {
    if !have(&["collectd", "pgrep"]) || !is_root() {
        return;
    }
    let desk = Desk::new();
    let script = fs::read_to_string(project("icinga/examples/collectd-imap-session")).unwrap();
    let script = desk.write("imap-session", &script, "755").display().to_string();
    let example = desk.adapt(
        "collectd.conf",
        &[
            ("Exec \"imap-session\"".to_owned(), "Exec \"nobody\"".to_owned()),
            ("/usr/local/lib/collectd/imap-session".to_owned(), script.clone()),
            ("Interval 60".to_owned(), "Interval 1".to_owned()),
        ],
    );
    let lines: Vec<&str> = example.lines().filter(|line| line.trim_start().starts_with("Exec ")).collect();
    let [line] = lines.as_slice() else { panic!("{example}") };
    let broken = line.replace("\"imap.example.org\"", "\"broken\"").replace("Sent Items", "a \\\"b\\\" Entwürfe-2");
    let path = |name: &str| desk.path(name).display().to_string();
    // In place of the plugin: one that is not there, and one whose text makes a line that collectd does not take.
    let missing = format!("Exec \"nobody\" \"{script}\" \"missing\" \"{}\"", path("nowhere"));
    let text = "\\\"".repeat(600);
    let talkative = desk.write("talkative", &format!("#!/bin/sh\necho 'IMAP is WARNING: {text}'\nexit 1\n"), "755");
    let talkative = format!("Exec \"nobody\" \"{script}\" \"talkative\" \"{}\"", talkative.display());
    let main = format!(
        "Hostname \"monitor.example.org\"\nFQDNLookup false\nBaseDir \"{}\"\nPIDFile \"{}\"\n\
         TypesDB \"/usr/share/collectd/types.db\"\nLoadPlugin logfile\n<Plugin logfile>\nLogLevel info\nFile \"{}\"\n\
         </Plugin>\nLoadPlugin csv\n<Plugin csv>\nDataDir \"{}\"\n</Plugin>\n{example}\n<Plugin exec>\n{broken}\n\
         {missing}\n{talkative}\n</Plugin>\n",
        path("base"),
        path("pid"),
        path("log"),
        path("csv")
    );
    let file = desk.write("collectd.conf", &main, "644");
    let daemon = Daemon::start(Command::new("collectd").arg("-C").arg(&file).arg("-f"), &desk.path("out"));
    let folder = |name: &str| desk.path("csv/monitor.example.org").join(format!("imap_session-{name}"));
    for (name, code) in [("imap.example.org", "0"), ("broken", "2"), ("missing", "3"), ("talkative", "1")] {
        let state = wait_for("two states", LIMIT, || {
            let text = read_series(&folder(name), "gauge-state")?;
            (text.lines().count() > 2).then_some(text)
        });
        for line in state.lines().skip(1) {
            assert!(line.ends_with(&format!(",{code}.000000")), "{name}: {state}");
        }
    }

    // The arguments behind the script and the name.
    let command: Vec<String> = line.split('"').skip(1).step_by(2).skip(3).map(str::to_owned).collect();
    let (program, arguments) = command.split_first().unwrap();
    let once = as_run(Command::new(program).args(arguments));
    let wanted: BTreeSet<String> = once
        .perfdata()
        .iter()
        .map(|item| format!("{}-{}", if item.unit == "s" { "duration" } else { "gauge" }, item.label))
        .chain(["gauge-state".to_owned()])
        .collect();
    let files = fs::read_dir(folder("imap.example.org")).unwrap();
    // Each name ends with the day.
    let cut = |name: String| name[..name.len() - "-2026-01-01".len()].to_owned();
    let found: BTreeSet<String> = files.map(|file| cut(file.unwrap().file_name().into_string().unwrap())).collect();
    assert_eq!(found, wanted);
    let login = read_series(&folder("imap.example.org"), "duration-login").unwrap();
    let time: f64 = login.lines().nth(1).unwrap().split_once(',').unwrap().1.parse().unwrap();
    assert!(time > 0.0 && time < 8.0, "{login}");
    assert!(read_series(&folder("broken"), "gauge-select_a__b__Entwürfe-2_ok").is_some());

    drop(daemon);
    let log = fs::read_to_string(desk.path("log")).unwrap();
    let notified: Vec<&str> = log.lines().filter(|line| line.contains("Notification: ")).collect();
    let count = |words: &str| notified.iter().filter(|line| line.contains(words)).count();
    assert_eq!(count("severity = OKAY, host = monitor.example.org, plugin = imap_session"), 1, "{log}");
    assert_eq!(count("plugin_instance = broken, message = IMAP is CRITICAL: localhost: select a "), 1, "{log}");
    assert_eq!(
        count("plugin_instance = missing, message = IMAP is UNKNOWN: no state of the plugin, it ended"),
        1,
        "{log}"
    );
    assert_eq!(count("severity = WARNING, host = monitor.example.org, plugin = imap_session"), 1, "{log}");
    assert_eq!(notified.len(), 4, "{log}");
    assert!(!log.to_lowercase().contains("parse") && !log.contains("Cowardly"), "{log}");
    wait_for("collectd's scripts end with it", LIMIT, || {
        (!output(Command::new("pgrep").args(["-f", &script])).status.success()).then_some(())
    });
}

#[test]
fn checkmk_takes_the_lines_of_its_example() {
    let desk = Desk::new();
    let example = desk.adapt("checkmk-mrpe.cfg", &[]);
    let lines: Vec<&str> = example.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 2, "{example}");
    for line in lines {
        let (name, rest) = line.split_once(' ').unwrap();
        let cached = rest.strip_prefix("(interval=").map(|rest| rest.split_once(") ").unwrap());
        let command = cached.map_or(rest, |(seconds, command)| {
            assert!(seconds.parse::<u32>().unwrap() >= 60, "{line}");
            assert!(!command.contains('\''), "the agent puts the command into single quotes: {line}");
            command
        });
        let run = run_in_shell("bash", command);
        check_all_read(&run);
        let service = Service::read(name, &run);
        assert_eq!((service.state, &service.item), (0, &name.replace("%20", " ")), "{service:#?}");
        assert!(service.summary.starts_with("IMAP is OK: localhost: login 0."), "{service:#?}");
        if cached.is_some() {
            let login = find(&service.metrics, "login");
            assert_eq!(login.levels, (Some(1.0), Some(4.0)));
            find(&service.metrics, "select_Sent_Items");
        }
    }

    // The end of a range is the level. A value U makes the service UNKNOWN: why the example warns of it.
    let usual = format!("{} -w 'login=~:3' -c login=@5:7 -w tls.cert_days=21: -v", desk.usual());
    let service = Service::read("IMAP", &run_in_shell("bash", &usual));
    assert_eq!(find(&service.metrics, "login").levels, (Some(3.0), Some(7.0)));
    assert_eq!(find(&service.metrics, "tls_cert_days").levels, (None, None));
    let closed = run_in_shell("bash", &format!("{} -w 0 -H 127.0.0.66 --perfdata-u --on-failure ok", desk.usual()));
    check_all_read(&closed);
    let service = Service::read("IMAP", &closed);
    assert!(closed.code == 1 && service.state == 3 && !service.refused.is_empty(), "{service:#?}");
}

#[test]
fn telegraf_takes_the_commands_of_its_example() {
    let Some(python) = python("import sys, tomllib, json; print(json.dumps(tomllib.loads(sys.argv[1])))", "a = 1")
    else {
        return;
    };
    let desk = Desk::new();
    let read = python(&desk.adapt("telegraf.conf", &[]));
    let inputs = read["inputs"]["exec"].as_array().unwrap();
    assert!(!inputs.is_empty());
    for input in inputs {
        assert_eq!(input["data_format"], "nagios");
        assert!(count_seconds(&input["timeout"]) > 8.0 && count_seconds(&input["interval"]) > 8.0, "{input}");
        assert!(input.get("name_override").is_none(), "{input}");
        for command in input["commands"].as_array().unwrap() {
            let words = shlex::split(command.as_str().unwrap()).unwrap();
            let run = as_run(Command::new(&words[0]).args(&words[1..]));
            check_all_read(&run);
            let points = Points::read(&run).unwrap();
            assert_eq!((points.state, points.long_service_output.as_str()), (0, ""));
            assert!(points.service_output.starts_with("IMAP is OK: localhost: login 0."), "{points:#?}");
            find(&points.metrics, "select_Sent_Items_messages");
        }
    }
    let points = Points::read(&run_in_shell("sh", &format!("{} -m Nowhere", desk.usual()))).unwrap();
    assert!(points.state == 2 && points.long_service_output.ends_with(" s"), "{points:#?}");
}

#[test]
fn sensu_takes_the_command_of_its_example() {
    let Some(python) = python("import sys, yaml, json; print(json.dumps(yaml.safe_load(sys.argv[1])))", "a: 1") else {
        return;
    };
    let desk = Desk::new();
    let read = python(&desk.adapt("sensu-check.yaml", &[]));
    assert_eq!((&read["type"], &read["api_version"]), (&Value::from("CheckConfig"), &Value::from("core/v2")));
    let spec = &read["spec"];
    assert_eq!(spec["output_metric_format"], "nagios_perfdata");
    assert!(spec["timeout"].as_u64().unwrap() > 8 && spec["interval"].as_u64().unwrap() > 8, "{spec}");
    for list in ["subscriptions", "handlers", "output_metric_handlers"] {
        assert!(spec[list].as_array().is_some_and(|list| !list.is_empty()), "{list}");
    }
    let command = spec["command"].as_str().unwrap();
    let run = run_in_shell("sh", command);
    assert_eq!(run.code, 0, "{run:?}");
    check_all_read(&run);
    find(&read_for_sensu(&run.stdout), "select_Sent_Items_messages");
    // Lines behind the first are words that it passes over.
    let run = run_in_shell("sh", &format!("{command} -m Nowhere"));
    assert_eq!(run.code, 2, "{run:?}");
    let metrics: Vec<String> = read_for_sensu(&run.stdout).into_iter().map(|metric| metric.label).collect();
    assert_eq!(metrics, run.labels());
}

/// A folder that every user can read, with the plugin in it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        // collectd writes into no folder whose name begins with a dot.
        let folder = tempfile::Builder::new().prefix("schedulers-").tempdir().unwrap();
        run(Command::new("chmod").arg("755").arg(folder.path()));
        fs::copy(BINARY, folder.path().join("check_imap_session")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: &str) -> PathBuf {
        let file = self.path(name);
        fs::write(&file, text).unwrap();
        run(Command::new("chmod").arg(mode).arg(&file));
        file
    }

    /// The example with the server, the account and the paths of the test.
    fn adapt(&self, example: &str, more: &[(String, String)]) -> String {
        let server = dovecot();
        let mut text = fs::read_to_string(project("icinga/examples").join(example)).unwrap();
        let (port, ca) = (server.imaps_port, &server.ca_file);
        let password = server.password_file("ordinary").display().to_string();
        // collectd has each word in quotes.
        let (host, account) = if example == "collectd.conf" {
            let host = "\"-H\" \"imap.example.org\"";
            (
                (host, format!("\"-H\" \"localhost\" \"-p\" \"{port}\" \"--ca-file\" \"{ca}\"")),
                ("\"monitor\"", "\"ordinary\""),
            )
        } else {
            (("-H imap.example.org", format!("-H localhost -p {port} --ca-file {ca}")), ("-u monitor", "-u ordinary"))
        };
        let file = if text.contains("/etc/imap-monitor.password") { "monitor" } else { "session" };
        let plugin = self.path("check_imap_session").display().to_string();
        let usual = [
            ("/usr/lib/nagios/plugins/check_imap_session".to_owned(), plugin),
            (host.0.to_owned(), host.1),
            (account.0.to_owned(), account.1.to_owned()),
            (format!("/etc/imap-{file}.password"), password),
        ];
        for (theirs, ours) in usual.iter().chain(more) {
            assert!(text.contains(theirs.as_str()), "{example} has no {theirs} any more");
            text = text.replace(theirs.as_str(), ours);
        }
        text
    }

    /// A command that is no example's.
    fn usual(&self) -> String {
        let server = dovecot();
        format!(
            "{} -H localhost -p {} --ca-file {} -u ordinary --password-file {} -m INBOX",
            self.path("check_imap_session").display(),
            server.imaps_port,
            server.ca_file,
            server.password_file("ordinary").display()
        )
    }
}

fn run_in_shell(shell: &str, command: &str) -> Run {
    as_run(Command::new(shell).args(["-c", command]).env("LC_ALL", "C").env_remove("LANG"))
}

fn as_run(command: &mut Command) -> Run {
    let output = output(command);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        elapsed: Duration::ZERO,
        peak_kib: 0,
    }
}

/// What a program in Python makes of a text, as JSON; says loudly that the test is skipped if it cannot read even `a`.
fn python(program: &'static str, a: &str) -> Option<impl Fn(&str) -> Value> {
    let read = move |text: &str| {
        let said = output(Command::new("python3").args(["-c", program, text]));
        serde_json::from_slice(&said.stdout).map_err(|_| String::from_utf8_lossy(&said.stderr).into_owned())
    };
    if !have(&["python3"]) {
        return None;
    }
    if let Err(why) = read(a) {
        eprintln!("SKIPPED, NOT TESTED: python3 cannot do this: {why}");
        return None;
    }
    Some(move |text: &str| read(text).unwrap_or_else(|why| panic!("{why}: {text}")))
}

/// The file of a series; its name ends with the day.
fn read_series(folder: &Path, name: &str) -> Option<String> {
    let mut files = fs::read_dir(folder).ok()?.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let file = files.find(|file| file.strip_prefix(name).is_some_and(|day| day.len() == "-2026-01-01".len()))?;
    fs::read_to_string(folder.join(file)).ok()
}

fn find<'a>(metrics: &'a [Metric], label: &str) -> &'a Metric {
    metrics.iter().find(|metric| metric.label == label).unwrap_or_else(|| panic!("no {label} in {metrics:#?}"))
}

/// Such as `15s`.
fn count_seconds(value: &Value) -> f64 {
    value.as_str().unwrap().trim_end_matches('s').parse().unwrap()
}

/// Monit and collectd start the plugin as another user, which only root can do.
fn is_root() -> bool {
    let is_root = run(Command::new("id").arg("-u")).trim() == "0";
    if !is_root {
        eprintln!("SKIPPED, NOT TESTED: only root can run checks as another user");
    }
    is_root
}
