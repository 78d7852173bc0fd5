//! The plugin against a real Dovecot: TLS modes, certificates, mailboxes, passwords, thresholds. What no well-behaved
//! server does is in `on_script.rs`.
use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::testkit::dovecot::dovecot;
use crate::testkit::invariants::check_labels;
use crate::testkit::labels::expected;
use crate::testkit::plan::{MODES, Mode, Plan};
use crate::testkit::plugin::{Plugin, Run, skipped};

/// Runs end long before; a slow machine is no reason to fail.
const LIMIT: &str = "25";

#[test]
fn every_tls_mode_works_over_ipv4_and_ipv6() {
    for host in hosts() {
        for mode in MODES {
            let run = in_mode(mode.option(), host).run();
            expect(&run, 0);
            let expected = expected(&Plan::of_mailboxes(mode, &["INBOX"])).into_iter().map(|expected| expected.label);
            assert_eq!(run.labels(), expected.collect::<Vec<_>>());
            assert_eq!(run.figure("select", "INBOX", "messages"), Some(2.0), "{run:#?}");
            assert!(run.summary().starts_with(&format!("{host}: login ")), "{run:#?}");
        }
    }
}

#[test]
fn a_host_name_and_its_certificate_name_agree() {
    expect(&implicit("localhost").run(), 0);
}

#[test]
fn three_mailboxes_are_opened_in_the_order_given() {
    let run = implicit("127.0.0.1").args(["-m", "Entwürfe", "-m", "INBOX", "-m", "Archive"]).run();
    expect(&run, 0);
    check_labels(&Plan::of_mailboxes(Mode::Implicit, &["Entwürfe", "INBOX", "Archive"]), &run);
    let durations = ["Entwürfe", "INBOX", "Archive"].map(|name| run.figure("select", name, "time").is_some());
    assert_eq!(durations, [true; 3], "{run:#?}");
    assert_eq!(messages(&run, ["Entwürfe", "INBOX", "Archive"]), [Some(4.0), Some(2.0), Some(5.0)]);
    let places = ["login ", "Entwürfe ", "INBOX ", "Archive "].map(|name| run.summary().find(name));
    assert!(places.is_sorted() && places[0].is_some(), "{run:#?}");
}

#[test]
fn nested_names_and_names_with_spaces_open() {
    let run = implicit("127.0.0.1").args(["-m", "Projects/2026/Summer", "-m", "Sent Items"]).run();
    expect(&run, 0);
    assert_eq!(messages(&run, ["Projects_2026_Summer", "Sent_Items"]), [Some(1.0), Some(1.0)]);
    assert!(run.summary().contains("Projects/2026/Summer ") && run.summary().contains("Sent Items "), "{run:#?}");
}

#[test]
fn thousands_of_messages_are_counted_as_another_client_counts_them() {
    let run = implicit("127.0.0.1").args(["-m", "Large"]).run();
    expect(&run, 0);
    assert_eq!(run.figure("select", "Large", "messages"), Some(f64::from(exists("Large"))));
    assert_eq!(run.figure("select", "Large", "messages"), Some(3000.0));
}

#[test]
fn a_missing_mailbox_does_not_hide_the_good_ones() {
    one_bad_mailbox("Nowhere", "select Nowhere failed: NO Mailbox doesn't exist");
}

#[test]
fn a_denied_mailbox_does_not_hide_the_good_ones() {
    one_bad_mailbox("Denied", "select Denied failed: NO [NOPERM]");
}

#[test]
fn a_wrong_password_is_critical_and_the_mailboxes_are_not_run() {
    let run = trusted("127.0.0.1", "implicit").args(["-u", "ordinary", "-vvv"]).password("no-such-password").run();
    expect(&run, 2);
    assert!(run.summary().contains("login failed: NO [AUTHENTICATIONFAILED]"), "{run:#?}");
    assert_eq!([run.value("login_ok"), run.value("select_INBOX_ok"), run.value("timed_out")], [Some(0.0); 3]);
    assert_eq!(run.value("select_INBOX"), None);
    assert!(run.phase_line("select INBOX").is_some_and(|line| line.contains("not run: login failed")), "{run:#?}");
    expect_no_secret(&run, "ordinary", "no-such-password");
}

#[test]
fn awkward_passwords_log_in_from_file_and_environment() {
    for user in ["space", "quote", "backslash", "nonascii"] {
        for mode in ["implicit", "starttls", "none"] {
            let login = trusted("127.0.0.1", mode).args(["-u", user]);
            expect(&login.password(dovecot().password(user)).run(), 0);
        }
        let login = trusted("127.0.0.1", "implicit").args(["-u", user]);
        expect(&login.arg("--password-file").arg(dovecot().password_file(user)).run(), 0);
    }
}

#[test]
fn the_password_comes_from_the_first_line_of_a_file_or_of_standard_input() {
    let password = dovecot().password("ordinary");
    let login = || trusted("127.0.0.1", "implicit").args(["-u", "ordinary"]);
    let file = in_file(&format!("{password}\nnot the password\n"));
    expect(&login().arg("--password-file").arg(file.path()).run(), 0);
    for end in ["", "\n", "\nnot the password\n"] {
        expect(&login().args(["--password-file", "-"]).stdin(format!("{password}{end}")).run(), 0);
    }
}

#[test]
fn a_password_file_wins_over_the_environment() {
    let login = trusted("127.0.0.1", "implicit").args(["-u", "ordinary"]).password("not the password");
    expect(&login.arg("--password-file").arg(dovecot().password_file("ordinary")).run(), 0);
}

#[test]
fn no_password_goes_out_in_clear_where_logins_are_disabled() {
    let run = in_mode("none", "127.0.0.8").run();
    expect(&run, 2);
    assert!(run.summary().contains("login failed") && run.summary().contains("LOGINDISABLED"), "{run:#?}");
    let said = lines_in_clear_logged_by("127.0.0.8");
    // SCRAM, which another test logs in by, sends no password.
    let is_harmless = |line: &String| line.contains("no auth attempts") || line.contains("method=SCRAM-");
    assert!(said.iter().all(is_harmless), "{said:#?}");

    expect(&in_mode("starttls", "127.0.0.8").run(), 0);
}

#[test]
fn examine_leaves_recent_messages_alone() {
    let open =
        || trusted("127.0.0.1", "implicit").args(["-u", "reader", "-vvv"]).password(dovecot().password("reader"));
    let recent = || fs::read_dir(dovecot().mail.join("reader/new")).unwrap().count();
    let run = open().arg("--examine").run();
    expect(&run, 0);
    assert_eq!((run.figure("select", "INBOX", "messages"), recent()), (Some(3.0), 3));
    assert!(run.stdout.contains("EXAMINE") && run.stdout.contains("[READ-ONLY]"), "{run:#?}");

    expect(&open().run(), 0);
    assert_eq!(recent(), 0, "SELECT takes the messages out of new/, or the figure above says nothing");
}

#[test]
fn an_expired_certificate_is_reported_with_its_age() {
    for mode in ["implicit", "starttls"] {
        let run = in_mode(mode, "127.0.0.2").run();
        expect(&run, 2);
        assert!(run.summary().contains("tls failed: certificate has expired (3 days ago)"), "{run:#?}");
        expect_days(&run, -3.0);
        assert_eq!([run.value("login_ok"), run.value("timed_out")], [Some(0.0); 2]);
        assert_eq!([run.value("tls"), run.value("login")], [None; 2], "{run:#?}");
    }
}

#[test]
fn a_certificate_for_another_name_is_reported_with_both_names() {
    let run = implicit("127.0.0.3").run();
    expect(&run, 2);
    assert!(run.summary().contains("tls failed"), "{run:#?}");
    assert!(run.summary().contains("other.example.net"), "{run:#?}");
    assert!(
        run.summary().matches("127.0.0.3").count() > 1,
        "once as the server, once as the name that does not fit: {run:#?}"
    );

    expect(&implicit("127.0.0.3").args(["--tls-name", "other.example.net"]).run(), 0);
}

#[test]
fn the_tls_name_is_what_the_certificate_must_be_for() {
    expect(&implicit("127.0.0.1").args(["--tls-name", "imap.example.org"]).run(), 0);
    let run = implicit("127.0.0.1").args(["--tls-name", "mail.example.com"]).run();
    expect(&run, 2);
    assert!(run.summary().contains("mail.example.com") && run.summary().contains("imap.example.org"), "{run:#?}");
}

#[test]
fn a_certificate_that_is_not_yet_valid_is_reported_so() {
    let run = implicit("127.0.0.4").run();
    expect(&run, 2);
    assert!(run.summary().contains("tls failed: certificate is not yet valid"), "{run:#?}");
}

#[test]
fn a_self_signed_certificate_is_trusted_only_as_its_own_ca() {
    let run = implicit("127.0.0.6").run();
    expect(&run, 2);
    assert!(run.summary().contains("tls failed") && run.summary().contains("self-signed"), "{run:#?}");

    let itself = Path::new(&dovecot().ca_file).with_file_name("selfsigned.pem");
    expect(&logged_in(server("127.0.0.6", "implicit").arg("--ca-file").arg(itself)).run(), 0);
}

#[test]
fn a_ca_that_the_system_does_not_know_is_not_trusted() {
    let run = logged_in(server("127.0.0.1", "implicit")).run();
    expect(&run, 2);
    assert!(run.summary().contains("tls failed") && run.summary().contains("issuer"), "{run:#?}");
}

#[test]
fn what_is_not_verified_is_said() {
    for host in ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.6"] {
        let run = logged_in(server(host, "implicit").arg("--no-verify")).run();
        expect(&run, 0);
        assert!(run.summary().contains("not verified"), "{run:#?}");
    }
    assert!(!implicit("127.0.0.1").arg("-v").run().stdout.contains("not verified"));
}

#[test]
fn a_certificate_about_to_end_warns_in_time() {
    let run = implicit("127.0.0.5").args(["-w", "tls.cert_days=21:", "-c", "tls.cert_days=3:"]).run();
    expect(&run, 1);
    expect_days(&run, 5.0);
    let item = run.figure_item("tls", "", "cert_days").unwrap();
    assert_eq!([item.warning, item.critical], ["21:", "3:"]);
    assert_eq!(run.value("login_ok"), Some(1.0));
    assert!(run.summary().contains("cert_days") || run.summary().contains("certificate"), "{run:#?}");

    expect(&implicit("127.0.0.5").args(["-w", "tls.cert_days=4:"]).run(), 0);
    // The alarm would be above it, which nobody means.
    for (option, level, code) in [("-w", "warning", 1), ("-c", "critical", 2)] {
        let run = implicit("127.0.0.5").args([option, "tls.cert_days=3"]).run();
        expect(&run, code);
        let said = format!("{level} above 3, write 3: for an alarm below it)");
        assert!(run.summary().contains(&said), "{run:#?}");
    }
    expect(&implicit("127.0.0.5").args(["-c", "tls.cert_days=21:"]).run(), 2);
}

#[test]
fn tls_below_the_oldest_that_will_do_is_refused() {
    // Dovecot closes without a TLS alert, so that the version is nothing that the plugin could know.
    for (host, refused, taken, version) in
        [("127.0.0.7", "1.2", "1.1", "TLSv1.1 "), ("127.0.0.9", "1.3", "1.2", "TLSv1.2 ")]
    {
        let run = implicit(host).args(["--tls-min", refused]).run();
        expect(&run, 2);
        assert!(run.summary().contains("tls failed"), "{run:#?}");

        let run = implicit(host).args(["--tls-min", taken, "-v"]).run();
        expect(&run, 0);
        assert!(run.phase_line("tls").is_some_and(|line| line.contains(version)), "{run:#?}");
    }
    // 1.2 is also the default.
    expect(&implicit("127.0.0.7").run(), 2);
    expect(&implicit("127.0.0.9").run(), 0);
}

#[test]
fn thresholds_judge_real_runs() {
    // No run takes 0 s and none of these takes 100 s: `0` always alarms, `100` never does.
    for (arguments, code) in [
        (["-w", "0", "-c", "100"], 1),
        (["-w", "100", "-c", "0"], 2),
        (["-w", "100", "-c", "100"], 0),
        (["-w", "login=0", "-c", "login=100"], 1),
        (["-w", "select=100", "-c", "select:Archive=0"], 2),
        (["-c", "select=0", "-c", "select:Archive=100"], 2),
        (["-w", "select:INBOX=100", "-w", "select:Archive=100"], 0),
        (["-w", "select.messages:INBOX=1:", "-c", "select.messages:Archive=5:"], 0),
        (["-w", "select.messages:INBOX=3:", "-c", "select.messages:INBOX=2:2"], 1),
        (["-w", "select.messages=1:", "-c", "select.messages:Archive=6:"], 2),
    ] {
        let run = implicit("127.0.0.1").args(["-m", "INBOX", "-m", "Archive"]).args(arguments).run();
        run.check_sound();
        assert_eq!(run.code, code, "{arguments:?}: {run:#?}");
    }
    let run = implicit("127.0.0.1").args(["-m", "Archive", "-m", "Empty", "-w", "select.messages=1:"]).run();
    expect(&run, 1);
    assert_eq!(run.figure("select", "Empty", "messages"), Some(0.0));
    assert_eq!(run.figure_item("select", "Archive", "messages").unwrap().warning, "1:");
}

#[test]
fn a_threshold_alarm_names_the_mailbox_and_comes_first() {
    let run = implicit("127.0.0.1").args(["-m", "INBOX", "-m", "Archive", "-c", "select:Archive=0"]).run();
    expect(&run, 2);
    let place = |name: &str| run.summary().find(name).unwrap_or_else(|| panic!("no {name}: {run:#?}"));
    assert!(place("Archive ") < place("login ") && place("login ") < place("INBOX "), "{run:#?}");
    assert_eq!(run.item("select_Archive").unwrap().critical, "0");
    assert_eq!(run.item("select_INBOX").unwrap().critical, "");
}

#[test]
fn extra_opts_stand_in_for_the_command_line() {
    let dovecot = dovecot();
    let file = in_file(&format!(
        "[check_imap_session]\nhostname=127.0.0.1\nport={}\nca-file={}\nusername=ordinary\npassword-file={}\n\
         mailbox=INBOX\nmailbox=Sent Items\n[clear]\nhostname=127.0.0.1\nport={}\ntls=none\nusername=reader\n\
         password-file={}\nexamine=\n",
        dovecot.imaps_port,
        dovecot.ca_file,
        dovecot.password_file("ordinary").display(),
        dovecot.imap_port,
        dovecot.password_file("reader").display(),
    ));
    let file = file.path().display();
    let run = Plugin::new([format!("--extra-opts=@{file}"), format!("-t{LIMIT}"), "-mArchive".to_owned()]).run();
    expect(&run, 0);
    assert_eq!(messages(&run, ["INBOX", "Sent_Items", "Archive"]), [Some(2.0), Some(1.0), Some(5.0)]);

    let run = Plugin::new([format!("--extra-opts=clear@{file}"), format!("-t{LIMIT}")]).run();
    expect(&run, 0);
    assert_eq!((run.figure("select", "INBOX", "messages"), run.figure("tls", "", "cert_days")), (Some(3.0), None));
}

#[test]
fn more_is_reported_with_each_v_and_never_a_secret() {
    for user in ["ordinary", "space", "quote", "backslash", "nonascii"] {
        for mode in ["implicit", "none"] {
            let said = |verbosity: &str| {
                let password = dovecot().password(user);
                let login = trusted("127.0.0.1", mode).args(["-u", user]).password(&password);
                let run = if verbosity.is_empty() { login } else { login.arg(verbosity) }.run();
                expect(&run, 0);
                expect_no_secret(&run, user, &password);
                run
            };
            let [silent, phases, decisions, dialogue] = ["", "-v", "-vv", "-vvv"].map(said);
            assert_eq!(silent.long_text().len(), 0, "{silent:#?}");
            for phase in ["resolve", "connect", "greeting", "login", "select INBOX", "logout"] {
                assert!(phases.phase_line(phase).is_some(), "{phase}: {phases:#?}");
            }
            assert!(phases.stdout.contains("127.0.0.1"), "{phases:#?}");
            assert_eq!(phases.stdout.contains("TLSv1.3"), mode == "implicit", "{phases:#?}");
            assert!(decisions.long_text().len() > phases.long_text().len(), "{decisions:#?}");
            assert!(!decisions.stdout.contains("LOGOUT"), "{decisions:#?}");
            let hidden = if dialogue.stdout.contains("***") { "***" } else { "LOGIN \"" };
            for line in ["SELECT", "EXISTS", "LOGOUT", hidden] {
                assert!(dialogue.stdout.contains(line), "{line}: {dialogue:#?}");
            }
        }
    }
}

#[test]
fn a_server_that_says_nothing_ends_with_the_limit() {
    let port = dovecot().silent_port.to_string();
    let run = logged_in(Plugin::new(["-H", "127.0.0.1", "-p", &port, "--tls", "none", "-t", "1"])).run();
    expect(&run, 2);
    assert!(
        run.summary().contains("greeting timed out after ") && run.summary().contains("(total limit 1 s)"),
        "{run:#?}"
    );
    assert_eq!([run.value("timed_out"), run.value("login_ok")], [Some(1.0), Some(0.0)]);
    assert!(run.elapsed >= Duration::from_secs(1) && run.elapsed < Duration::from_secs(9), "{run:#?}");
}

/// One bad mailbox between two good ones: CRITICAL, reported first and with the server's reason.
fn one_bad_mailbox(name: &str, reason: &str) {
    let run = implicit("127.0.0.1").args(["-m", "INBOX", "-m", name, "-m", "Archive"]).run();
    expect(&run, 2);
    assert!(run.summary().starts_with(&format!("127.0.0.1: {reason}")), "{run:#?}");
    assert!(run.summary().contains("INBOX ") && run.summary().contains("Archive "), "{run:#?}");
    let ok = ["INBOX", name, "Archive"].map(|mailbox| run.value(&format!("select_{mailbox}_ok")));
    assert_eq!(ok, [Some(1.0), Some(0.0), Some(1.0)], "{run:#?}");
    assert_eq!(messages(&run, ["INBOX", name, "Archive"]), [Some(2.0), None, Some(5.0)]);
    assert_eq!([run.value("login_ok"), run.value("timed_out")], [Some(1.0), Some(0.0)]);
}

fn hosts() -> Vec<&'static str> {
    if dovecot().ipv6 {
        return vec!["127.0.0.1", "::1"];
    }
    skipped("this machine has no ::1, IPv6 was not tested");
    vec!["127.0.0.1"]
}

/// The usual run: implicit TLS, the fixture's CA, the user `ordinary`.
fn implicit(host: &str) -> Plugin {
    in_mode("implicit", host)
}

fn in_mode(mode: &str, host: &str) -> Plugin {
    logged_in(trusted(host, mode))
}

fn logged_in(plugin: Plugin) -> Plugin {
    plugin.args(["-u", "ordinary"]).password(dovecot().password("ordinary"))
}

fn trusted(host: &str, mode: &str) -> Plugin {
    server(host, mode).args(["--ca-file", &dovecot().ca_file])
}

fn server(host: &str, mode: &str) -> Plugin {
    let port = if mode == "implicit" { dovecot().imaps_port } else { dovecot().imap_port };
    Plugin::new(["-H", host, "-p", &port.to_string(), "--tls", mode, "-t", LIMIT])
}

fn expect(run: &Run, code: i32) {
    run.check_sound();
    assert_eq!(run.code, code, "{run:#?}");
}

fn expect_days(run: &Run, days: f64) {
    let said = run.figure("tls", "", "cert_days").unwrap_or_else(|| panic!("no cert_days: {run:#?}"));
    assert!((said - days).abs() < 0.15, "{run:#?}");
}

/// The password neither as it is, nor quoted as IMAP quotes it, nor in base64, alone or as SASL PLAIN has it.
fn expect_no_secret(run: &Run, user: &str, password: &str) {
    let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
    let encoded = STANDARD.encode(password);
    let plain = STANDARD.encode(format!("\0{user}\0{password}"));
    for secret in [password, &quoted, &encoded, &plain] {
        assert!(!run.stdout.contains(secret), "{secret} is shown: {run:#?}");
    }
}

fn messages<const N: usize>(run: &Run, mailboxes: [&str; N]) -> [Option<f64>; N] {
    mailboxes.map(|mailbox| run.figure("select", mailbox, "messages"))
}

fn in_file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The messages of a mailbox as an independent client counts them.
fn exists(mailbox: &str) -> u32 {
    let mut session = dovecot().log_in("ordinary");
    let exists = session.examine(mailbox).unwrap().exists;
    session.logout().unwrap();
    exists
}

/// Dovecot logs a connection when it ends, which may be a little after the plugin did.
fn lines_in_clear_logged_by(address: &str) -> Vec<String> {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let log = dovecot().log();
        let said = log.lines().filter(|line| line.contains(&format!("lip={address},")) && !line.contains(", TLS"));
        let said: Vec<String> = said.map(str::to_owned).collect();
        if !said.is_empty() {
            return said;
        }
        assert!(Instant::now() < patience, "Dovecot never logged the connection to {address}:\n{log}");
        thread::sleep(Duration::from_millis(50));
    }
}
