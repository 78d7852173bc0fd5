//! `--output`, `--textfile`, `--exit-ok`: the same runs in every form, and what becomes of files that cannot be written.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::case::{PASSWORD, USER};
use crate::resolver::Resolver;
use crate::testkit::dovecot::dovecot;
use crate::testkit::json::{figure, phase, read};
use crate::testkit::plugin::{BINARY, Plugin};
use crate::testkit::prometheus::Exposition;
use crate::trust::SystemTrust;

const MAILBOXES: [&str; 5] = ["INBOX", "Archive", "Entwürfe", "INBOX", "a\"b\\c"];

fn plugin(host: &str, mailboxes: &[&str]) -> Plugin {
    let dovecot = dovecot();
    Plugin::new(["-H", host, "-p", &dovecot.imaps_port.to_string(), "--ca-file", &dovecot.ca_file, "-u", "ordinary"])
        .arg("--password-file")
        .arg(dovecot.password_file("ordinary"))
        .args(mailboxes.iter().map(|mailbox| format!("--mailbox={mailbox}")))
}

/// Accepts connections by its backlog and says nothing.
fn silent() -> (TcpListener, Plugin) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let plugin = Plugin::new(["-H", "127.0.0.1", "-p", &port, "-u", USER, "--tls=none"]).password(PASSWORD);
    (listener, plugin)
}

#[test]
fn without_perfdata_line_1_ends_with_its_text() {
    let run = plugin("localhost", &["INBOX", "Nowhere"]).arg("--no-perfdata").run();
    assert_eq!((run.code, run.stderr.as_str()), (2, ""), "{run:#?}");
    assert!(!run.stdout.contains('|'), "{run:#?}");
    let line = run.stdout.lines().next().unwrap();
    assert!(line.starts_with("IMAP is CRITICAL: localhost: select Nowhere failed: NO "), "{line}");
    assert!(line.ends_with(" s"), "{line}");
    assert!(run.phase_line("select INBOX").is_some() && run.phase_line("logout").is_some(), "{run:#?}");

    // The other formats are the same, whether it is given or not.
    let json = plugin("localhost", &["INBOX"]).args(["--no-perfdata", "-o", "json"]).run();
    assert_eq!((json.code, &read(&json.stdout)["state"]), (0, &Value::from("OK")), "{json:#?}");
}

#[test]
fn prometheus_text_has_every_planned_phase_and_the_true_names() {
    let run = plugin("localhost", &MAILBOXES).args(["-o", "prometheus"]).run();
    assert_eq!((run.code, run.stderr.as_str()), (2, ""), "{run:#?}");
    let text = Exposition::read(&run.stdout);
    let port = dovecot().imaps_port.to_string();
    let here = [("host", "localhost"), ("port", port.as_str())];
    let all = text.0.values().flatten();
    for (labels, _) in all.clone() {
        assert!(here.iter().all(|(name, value)| labels[*name] == *value), "{labels:?}");
        assert!(labels["check"].starts_with("ordinary --ca-file /"), "{labels:?}");
    }
    assert_eq!(text.values("imap_session_success", &[]), [0.0]);
    assert_eq!(text.values("imap_session_timed_out", &[]), [0.0]);
    assert!(text.values("imap_session_duration_seconds", &[])[0] > 0.0);
    let phases = ["resolve", "connect", "tls", "greeting", "login", "logout"];
    for metric in ["imap_session_phase_success", "imap_session_phase_duration_seconds"] {
        for phase in phases {
            assert_eq!(text.values(metric, &[("phase", phase)]).len(), 1, "{metric} {phase}");
        }
    }
    for (mailbox, success) in [("Archive", 1.0), ("Entwürfe", 1.0), ("a\"b\\c", 0.0)] {
        assert_eq!(text.values("imap_session_phase_success", &[("phase", "select"), ("mailbox", mailbox)]), [success]);
    }
    assert_eq!(text.values("imap_session_phase_success", &[("mailbox", "INBOX")]), [1.0, 1.0]);
    assert_eq!(text.values("imap_session_phase_success", &[("repetition", "2")]), [1.0]);
    assert_eq!(text.values("imap_session_mailbox_messages", &[("mailbox", "Archive")]), [5.0]);
    let expiry = text.values("imap_session_certificate_expiry_timestamp_seconds", &[])[0];
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let days = (expiry - now) / 86400.0;
    assert!((363.0..367.0).contains(&days), "{days}");
}

#[test]
fn prometheus_text_of_a_time_out_has_what_was_not_run_as_well() {
    let (_silent, plugin) = silent();
    let run = plugin.args(["-t", "0.5", "-o", "prometheus"]).run();
    assert_eq!(run.code, 2, "{run:#?}");
    let text = Exposition::read(&run.stdout);
    assert_eq!(text.values("imap_session_timed_out", &[]), [1.0]);
    for (phase, success, timed_out, durations) in
        [("connect", 1.0, 0.0, 1), ("greeting", 0.0, 1.0, 1), ("login", 0.0, 0.0, 0), ("select", 0.0, 0.0, 0)]
    {
        let phase = [("phase", phase)];
        assert_eq!(text.values("imap_session_phase_success", &phase), [success], "{phase:?}");
        assert_eq!(text.values("imap_session_phase_timed_out", &phase), [timed_out], "{phase:?}");
        assert_eq!(text.values("imap_session_phase_duration_seconds", &phase).len(), durations, "{phase:?}");
    }
}

#[test]
fn samples_of_each_address_have_its_address() {
    let Some(shim) = Resolver::build() else { return };
    let plugin = plugin("imap.example.org", &["INBOX"]).args(["--every-address", "-o", "prometheus"]);
    let run = shim.answer(plugin, "127.0.0.1,127.0.0.2").run();
    let text = Exposition::read(&run.stdout);
    for (address, success) in [("127.0.0.1", 1.0), ("127.0.0.2", 0.0)] {
        let tls = [("phase", "tls"), ("address", address)];
        assert_eq!(text.values("imap_session_phase_success", &tls), [success], "{run:#?}");
        let expiry = text.values("imap_session_certificate_expiry_timestamp_seconds", &[("address", address)]);
        assert_eq!(expiry.len(), 1, "{run:#?}");
    }
    assert_eq!(text.values("imap_session_success", &[]), [0.0]);
}

#[test]
fn no_two_checks_of_a_server_share_a_sample() {
    let runs: [&[&str]; 10] = [
        &[],
        &["-4"],
        &["--examine"],
        &["-m", "Archive"],
        &["-m", "Archive", "-m", "Sent Items", "--no-verify"],
        &["-t", "9"],
        &["--limit", "select=3"],
        &["--tls-name", "imap.example.org"],
        &["--tls-min", "1.3"],
        &["--no-verify"],
    ];
    let mut seen = std::collections::BTreeSet::new();
    for args in runs {
        let run = plugin("localhost", &[]).args(args).args(["-o", "prometheus"]).run();
        assert_eq!(run.code, 0, "{run:#?}");
        for line in run.stdout.lines().filter(|line| !line.starts_with('#')) {
            let series = line.rsplit_once(' ').unwrap().0.to_owned();
            assert!(seen.insert(series), "{line} {args:?}");
        }
    }
}

#[test]
fn json_has_everything_known() {
    let run = plugin("localhost", &MAILBOXES).args(["-o", "json", "-w", "select.messages:Archive=10:", "-vvv"]).run();
    assert_eq!((run.code, run.stderr.as_str()), (2, ""), "{run:#?}");
    let json = read(&run.stdout);
    chrono::DateTime::parse_from_rfc3339(json["time"].as_str().unwrap()).unwrap();
    for (field, value) in [
        ("host", Value::from("localhost")),
        ("port", dovecot().imaps_port.into()),
        ("tls_mode", "implicit".into()),
        ("username", "ordinary".into()),
        ("state", "CRITICAL".into()),
        ("exit_code", 2.into()),
        ("timed_out", false.into()),
        ("limit", 8.0.into()),
        ("obstacle", Value::Null),
    ] {
        assert_eq!(json[field], value, "{field}");
    }
    let phases = json["phases"].as_array().unwrap();
    let names: Vec<&str> = phases.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    let selects = ["select"; 5];
    assert_eq!(names, [&["resolve", "connect", "tls", "greeting", "login"][..], &selects, &["logout"]].concat());
    let archive = phase(&json, "select Archive");
    assert_eq!(archive["state"], "WARNING");
    assert_eq!(figure(archive, "messages"), Some(5.0));
    assert!(archive["breaches"][0].as_str().unwrap().contains("warning below 10"), "{archive}");
    let missing = phase(&json, "select a\"b\\c");
    assert_eq!((&missing["outcome"], &missing["duration"]), (&"failed".into(), &Value::Null));
    assert!(missing["reason"].as_str().unwrap().starts_with("NO "), "{missing}");
    let connection = &json["connections"][0];
    assert!(connection["tls_version"].as_str().unwrap().starts_with("TLSv1."), "{connection}");
    assert!(connection["certificate"]["days_left"].as_f64().unwrap() > 300.0, "{connection}");
    assert!(!connection["dialogue"].as_array().unwrap().is_empty());
    assert!(!run.stdout.contains(&dovecot().password("ordinary")));

    let (_silent, plugin) = silent();
    let run = plugin.args(["--limit", "greeting=0.2", "-o", "json"]).run();
    let json = read(&run.stdout);
    assert_eq!(phase(&json, "greeting")["outcome"], "timed out");
    assert_eq!(phase(&json, "greeting")["ended_by"], "phase");
    assert_eq!(phase(&json, "login")["outcome"], "not run");
    let (_silent, plugin) = silent();
    let run = plugin.args(["-t", "0.5", "-o", "json"]).run();
    let json = read(&run.stdout);
    assert_eq!(phase(&json, "greeting")["ended_by"], "total");
}

#[test]
fn json_has_the_state_whatever_the_exit_code_and_each_address() {
    let Some(shim) = Resolver::build() else { return };
    let plugin = plugin("imap.example.org", &["INBOX"]).args(["--every-address", "-o", "json", "--exit-ok"]);
    let run = shim.answer(plugin, "127.0.0.1,127.0.0.2").run();
    let json = read(&run.stdout);
    assert_eq!((run.code, &json["state"], &json["exit_code"]), (0, &"CRITICAL".into(), &2.into()), "{run:#?}");
    let connections = json["connections"].as_array().unwrap();
    let addresses: Vec<&Value> = connections.iter().map(|connection| &connection["address"]).collect();
    assert_eq!(addresses, [&Value::from("127.0.0.1"), &"127.0.0.2".into()]);
    let (prepared, all) = (json["preparation"].as_f64().unwrap(), json["duration"].as_f64().unwrap());
    assert!(0.0 < prepared && prepared < all, "{json}");
}

#[test]
fn a_textfile_is_written_whatever_the_outcome_and_beside_the_normal_output() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("imap.prom");
    for (host, success, code) in [("localhost", 1.0, 0), ("127.0.0.2", 0.0, 2)] {
        let run = plugin(host, &["INBOX"]).arg("--textfile").arg(&file).run();
        assert_eq!(run.check_sound().code, code, "{run:#?}");
        let text = Exposition::read(&fs::read_to_string(&file).unwrap());
        assert_eq!(text.values("imap_session_success", &[("host", host)]), [success]);
        only(folder.path(), "imap.prom");
    }
    // The whole time is used up, and by a signal, too.
    let (_silent, hung) = silent();
    let run = hung.args(["-t", "2"]).arg("--textfile").arg(&file).run();
    assert_eq!(run.check_sound().code, 2, "{run:#?}");
    assert!(run.summary().contains("(total limit 2 s)"), "{run:#?}");
    let text = Exposition::read(&fs::read_to_string(&file).unwrap());
    assert_eq!(text.values("imap_session_timed_out", &[]), [1.0], "{run:#?}");
    let (listener, hung) = silent();
    listener.set_nonblocking(true).unwrap();
    let called = std::cell::RefCell::new(None);
    let due = move || {
        let mut called = called.borrow_mut();
        *called = called.take().or_else(|| listener.accept().ok());
        called.is_some()
    };
    let run = hung.args(["-t", "60"]).arg("--textfile").arg(&file).signals(&["TERM"], due).run();
    assert!(run.summary().contains("failed: ended by SIGTERM"), "{run:#?}");
    let text = Exposition::read(&fs::read_to_string(&file).unwrap());
    assert_eq!(text.values("imap_session_timed_out", &[]), [0.0], "{run:#?}");
    only(folder.path(), "imap.prom");
}

#[test]
fn a_textfile_that_cannot_be_written_is_unknown_and_named_with_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let run = plugin("localhost", &["INBOX"]).arg("--textfile").arg(folder.path().join("none/imap.prom")).run();
    assert_eq!(run.check_sound().code, 3, "{run:#?}");
    assert!(run.summary().contains("--textfile: ") && run.summary().contains("No such file"), "{run:#?}");
    assert_eq!(run.value("login_ok"), Some(1.0));
    let run = plugin("localhost", &[]).args(["-o", "prometheus", "--textfile", "/dev/null"]).run();
    assert!(
        run.stdout.ends_with("# --textfile: /dev/null: is not a regular file, and only those can be replaced\n"),
        "{run:#?}"
    );
    // What the server did is worse.
    let run = plugin("127.0.0.2", &["INBOX"]).arg("--textfile").arg(folder.path()).run();
    assert_eq!(run.check_sound().code, 2, "{run:#?}");
    assert!(run.summary().contains("not a regular file"), "{run:#?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_another_option_reads_is_not_overwritten() {
    let dovecot = dovecot();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        (file.into_os_string().into_string().unwrap(), text.to_owned())
    };
    let (password, word) = file("password", &dovecot.password("ordinary"));
    let (trust, _) = file("ca.pem", &fs::read_to_string(&dovecot.ca_file).unwrap());
    let (ini, options) = file("plugins.ini", "[imap]\nm=INBOX\n");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&password, &link).unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    let another_way = format!("{}/folder/../password", folder.path().display());
    for textfile in [&password, &trust, &ini, &another_way, trust.trim_start_matches('/')] {
        let run = plugin("localhost", &[])
            .arg(format!("--extra-opts=imap@{ini}"))
            .args(["--ca-file", &trust, "--textfile", textfile, "--password-file"])
            .arg(&link)
            .run();
        assert_eq!(run.check_sound().code, 3, "{run:#?}");
        assert!(run.summary().contains(": is read by another option and would be lost, login 0."), "{run:#?}");
        assert_eq!([&password, &ini].map(|file| fs::read_to_string(file).unwrap()), [word.as_str(), &options]);
    }
    let run = plugin("localhost", &[]).args(["--textfile", "-"]).run();
    assert!(run.code == 3 && run.stdout.starts_with("IMAP is UNKNOWN: --textfile: "), "{run:#?}");
}

/// Runs under a shell that does something first, with standard output as `tail` makes it.
fn limited(first: &str, tail: &str, arguments: &[&str]) -> Output {
    let dovecot = dovecot();
    Command::new("sh")
        .args(["-c", &format!("{first}\n\"$0\" \"$@\" {tail}"), &BINARY])
        .args(["-H", "127.0.0.1", "-u", "ordinary"])
        .args(arguments)
        .env("IMAP_SESSION_PASSWORD", dovecot.password("ordinary"))
        .output()
        .unwrap()
}

#[test]
fn limits_of_this_machine_are_unknown_and_no_silence() {
    let dovecot = dovecot();
    let (port, folder) = (dovecot.imap_port.to_string(), tempfile::tempdir().unwrap());
    let file = folder.path().join("imap.prom");
    let here = ["-p", &port, "--tls", "none"];
    let writing = &[&here[..], &["--textfile", file.to_str().unwrap()]].concat();
    let run = limited("ulimit -f 1", "", writing);
    let text = String::from_utf8_lossy(&run.stdout);
    assert_eq!(run.status.code(), Some(3), "{run:?}");
    assert!(text.contains("imap.prom: File too large, login 0."), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    // One descriptor after the other is missing: never the server's fault.
    let short_of_files = |most: usize, before: &str, arguments: &[&str]| {
        let run = limited(&format!("{before} ulimit -n {most}"), "", arguments);
        let text = String::from_utf8_lossy(&run.stdout);
        let words = ["Too many open files", "while no file could be opened"];
        let is_ours = run.status.code() == Some(3) && words.iter().any(|words| text.contains(words));
        assert!(is_ours || text.starts_with("IMAP is OK"), "{most}: {run:?}");
    };
    let system = SystemTrust::copy(dovecot.ca_file.as_ref());
    let trust = format!("export SSL_CERT_FILE=/nonexistent SSL_CERT_DIR={};", system.directory().display());
    let over_tls = ["-H", "localhost", "-p", &dovecot.imaps_port.to_string()];
    for most in 4..=14 {
        short_of_files(most, "", &here);
        short_of_files(most, "", &[&here[..], &["-H", "localhost"]].concat());
        // Without a file OpenSSL finds no CA.
        short_of_files(most, &trust, &over_tls);
    }
    let tail = format!(">{}", file.display());
    let run = limited("ulimit -f 0", &tail, &[&here[..], &["-o", "json"]].concat());
    assert_eq!(run.status.code(), Some(3), "{run:?}");
}

#[test]
fn a_collector_can_read_the_textfile_whatever_the_umask() {
    let (port, folder) = (dovecot().imap_port.to_string(), tempfile::tempdir().unwrap());
    let file = folder.path().join("imap.prom");
    let run = limited("umask 077", "", &["-p", &port, "--tls", "none", "--textfile", file.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn half_a_document_is_no_success() {
    let port = dovecot().imap_port.to_string();
    let here = ["-p", &port, "--tls", "none"];
    for (options, code) in [
        (&["-o", "json"][..], 3),
        (&["-o", "prometheus", "--exit-ok"], 3),
        (&["-o", "nagios"], 0),
        (&["-o", "json", "-m", "Denied"], 2),
    ] {
        let run = limited("", ">/dev/full", &[&here[..], options].concat());
        assert_eq!(run.status.code(), Some(code), "{options:?}: {run:?}");
    }
}

#[test]
fn a_slow_reader_gets_all() {
    let port = dovecot().imap_port.to_string();
    let mailboxes: Vec<String> = (0..250).map(|number| format!("--mailbox=a-mailbox-{number}")).collect();
    let mailboxes: Vec<&str> = mailboxes.iter().map(String::as_str).collect();
    let here = ["-p", &port, "--tls", "none", "-t", "60", "-o", "prometheus", "--exit-ok"];
    let tail = "| { sleep 1; cat; }";
    let run = limited("", tail, &[&here[..], &mailboxes].concat());
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(text.len() > 100_000 && text.ends_with('\n'), "{} bytes", text.len());
    assert_eq!(Exposition::read(&text).values("imap_session_phase_success", &[("phase", "select")]).len(), 250);
}

#[test]
fn a_textfile_on_a_dead_mount_keeps_nothing() {
    let Some(shim) = Resolver::build() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("imap.prom");
    let run = shim
        .load(plugin("127.0.0.1", &["INBOX"]).args(["-t", "1"]))
        .env("SHIM_DEAD_MOUNT", "1")
        .arg("--textfile")
        .arg(&file)
        .run();
    assert_eq!(run.check_sound().code, 3, "{run:#?}");
    assert!(run.summary().contains("imap.prom: not done within 0."), "{run:#?}");
    assert!(run.elapsed < Duration::from_secs(9), "{run:#?}");
    assert!(!file.exists());
}

#[test]
fn a_password_on_a_dead_mount_is_in_the_textfile_as_a_failure() {
    let Some(shim) = Resolver::build() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (file, password) = (folder.path().join("imap.prom"), folder.path().join("password"));
    // The news of an earlier run.
    fs::write(&file, "# old\n").unwrap();
    fs::write(&password, "x").unwrap();
    let run = shim
        .load(plugin("127.0.0.1", &["INBOX"]).args(["-t", "1", "--password-file"]).arg(&password))
        .env("SHIM_DEAD_FILE", &password)
        .arg("--textfile")
        .arg(&file)
        .run();
    assert_eq!(run.check_sound().code, 3, "{run:#?}");
    assert!(run.summary().contains("--password-file: ") && !run.summary().contains("--textfile"), "{run:#?}");
    let text = Exposition::read(&fs::read_to_string(&file).unwrap());
    assert_eq!(text.values("imap_session_success", &[]), [0.0]);
}

#[test]
fn exit_ok_is_for_states_not_for_bad_usage() {
    let run = plugin("127.0.0.2", &["INBOX"]).arg("--exit-ok").run();
    assert_eq!((run.code, run.state()), (0, "CRITICAL"), "{run:#?}");
    let run = plugin("127.0.0.2", &["INBOX"]).args(["--exit-ok", "--password-file", "/nonexistent"]).run();
    assert_eq!((run.code, run.state()), (0, "UNKNOWN"), "{run:#?}");
    for format in ["nagios", "prometheus", "json"] {
        let run = plugin("127.0.0.2", &[]).args(["--exit-ok", "-o", format, "--limit", "logon=3"]).run();
        assert_eq!((run.code, run.state()), (3, "UNKNOWN"), "{run:#?}");
        run.check_sound();
    }
}

fn only(folder: &Path, name: &str) {
    let names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [name], "what else is left there");
}
