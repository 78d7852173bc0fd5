//! Nagios 4: a private daemon runs services of the command in `icinga/examples/nagios-command.cfg`, its status file has
//! what they said.

use crate::real::{BINARY, Daemon, find, have, output, project, run, wait_for, with_short_times};
use crate::testkit::dovecot::dovecot;
use crate::testkit::labels::label;
use crate::testkit::nagios::begin_item;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const COMMAND: &str = "icinga/examples/nagios-command.cfg";
const SERVICES: &str = "icinga/examples/nagios.cfg";

#[test]
fn the_examples_load_together_as_they_are() {
    if !have(&["nagios4"]) {
        return;
    }
    let folder = Folder::new();
    // Copies, because Nagios started as root becomes another user, who cannot read below /root.
    let (command, services) = (folder.edited(COMMAND, &[]), folder.edited(SERVICES, &[]));
    let (accepted, said) = folder.verify(&[command, services.clone()]);
    assert!(accepted && said.contains("Total Warnings: 0"), "{said}");
    assert!(said.contains("Checked 6 services."), "{said}");
    // It would have reported a fault.
    let (accepted, said) = folder.verify(&[services]);
    assert!(!accepted && said.contains("'check_imap_session' specified"), "{said}");
}

#[test]
fn the_services_of_the_example_run() {
    if !have(&["nagios4"]) {
        return;
    }
    let server = dovecot();
    let folder = Folder::new();
    let command = folder.command();
    let services = folder.edited(
        SERVICES,
        &[
            ("address             imap.example.org", "address             127.0.0.1"),
            ("_IMAP_USER           monitor", "_IMAP_USER           ordinary"),
            ("/etc/imap-monitor.password", &server.password_file("ordinary").display().to_string()),
            // Other tests count the messages in INBOX.
            ("append:INBOX", "append:Projects/2026/Summer"),
            // The account of the tests has no quota, which a threshold on it reports as WARNING.
            (" -O quota -w quota.storage=80 -c quota.storage=95", ""),
            // A busy machine stays below these.
            ("--limit select=2 -w login=1 -c login=4", "--limit select=7 -w login=6 -c login=7"),
            ("-w append=1 -w remove=1", "-w append=7 -w remove=7"),
            // More options go to where a service has its own.
            ("check_imap_session!--tls", &format!("check_imap_session!-p {} {} --tls", server.imap_port, trust())),
            ("check_imap_session!-", &format!("check_imap_session!-p {} {} -", server.imaps_port, trust())),
            ("check_imap_session\n", &format!("check_imap_session!-p {} {}\n", server.imaps_port, trust())),
        ],
    );
    // The first of these now has both ports; the last one counts.
    let text = fs::read_to_string(&services).unwrap();
    let both = format!("-p {} {} -p {}", server.imaps_port, trust(), server.imap_port);
    fs::write(&services, text.replace(&both, &format!("-p {}", server.imap_port))).unwrap();

    let nagios = Nagios::start(folder, &[command, services]);
    for (name, words) in [
        ("IMAP", "IMAP is OK: 127.0.0.1: login 0.|INBOX 0."),
        ("IMAP mailboxes", "INBOX 0.|Archive 0.|Sent Items 0."),
        ("IMAP mailbox", "status INBOX 0.|2 unseen|0 matches|newest message |list Archive 0.|, 1 mailbox"),
        ("IMAP write", "append Projects/2026/Summer 0.| removed"),
        ("IMAP addresses", "127.0.0.1 login 0."),
        ("IMAP STARTTLS", "IMAP is OK: 127.0.0.1: login 0."),
    ] {
        let service = nagios.service(name);
        assert_eq!(service["current_state"], "0", "{service:#?}");
        for word in words.split('|') {
            assert!(service["plugin_output"].contains(word), "{name}: no {word} in {service:#?}");
        }
    }
    assert!(nagios.service("IMAP STARTTLS")["performance_data"].contains(&(begin_item("starttls", "", "time") + "0.")));
    let perfdata = &nagios.service("IMAP mailboxes")["performance_data"];
    let select = begin_item("select", "Sent Items", "time") + "0.";
    assert!(perfdata.contains("s;6;7;0;8 ") && perfdata.contains(&select), "{perfdata}");
    let days = format!("{}_a1=364.9;21:;7:;;", label("tls", "", "cert_days"));
    assert!(nagios.service("IMAP addresses")["performance_data"].contains(&days));
}

#[test]
fn each_state_arrives_with_text_perfdata_and_lines() {
    if !have(&["nagios4"]) {
        return;
    }
    let server = dovecot();
    let folder = Folder::new();
    let command = folder.command();
    let good = server.password_file("ordinary").display().to_string();
    let wrong = folder.path.path().join("wrong");
    fs::write(&wrong, "not the password\n").unwrap();
    let tls = format!("-p {} {}", server.imaps_port, trust());
    let wrong = wrong.display().to_string();
    let services = folder.services(&[
        ("fine", "127.0.0.1", &good, &format!("{tls} -m INBOX -m 'Entwürfe' -m \"Sent Items\" -v")),
        ("ending", "127.0.0.5", &good, &format!("{tls} -w tls.cert_days=21: -c tls.cert_days=1:")),
        ("missing", "127.0.0.1", &good, &format!("{tls} -m INBOX -m Nowhere")),
        ("login", "127.0.0.1", &wrong, &tls),
        ("silent", "127.0.0.1", &good, &format!("-p {} --tls none -t 3", server.silent_port)),
        ("typo", "127.0.0.1", &good, "--limit logon=1"),
        ("account", "127.0.0.1", "", &tls),
    ]);
    let nagios = Nagios::start(folder, &[command, services]);
    for (name, state, output, lines, perfdata) in [
        (
            "fine",
            "0",
            "IMAP is OK: 127.0.0.1: login 0.|Entwürfe 0.|Sent Items 0.",
            9,
            begin_item("select", "Entwürfe", "messages") + "4;;;0;",
        ),
        (
            "ending",
            "1",
            "IMAP is WARNING: 127.0.0.5: tls 0.|(certificate expires in 4.9 days, warning below 21)",
            7,
            begin_item("tls", "", "cert_days") + "4.9;21:;1:;;",
        ),
        (
            "missing",
            "2",
            "IMAP is CRITICAL: 127.0.0.1: select Nowhere failed: NO ",
            8,
            format!("{}1;;;0;1 {}0;;;0;1", begin_item("select", "INBOX", "ok"), begin_item("select", "Nowhere", "ok")),
        ),
        (
            "login",
            "2",
            "IMAP is CRITICAL: 127.0.0.1: login failed: NO [AUTHENTICATIONFAILED]",
            7,
            begin_item("login", "", "ok") + "0;;;0;1",
        ),
        (
            "silent",
            "2",
            "IMAP is CRITICAL: 127.0.0.1: greeting timed out after ",
            6,
            begin_item("timed_out", "", "time") + "1;0;;0;1",
        ),
        ("typo", "3", "IMAP is UNKNOWN: --limit: logon is not a phase", 0, String::new()),
        ("account", "3", "IMAP is UNKNOWN: --password-file: ", 0, String::new()),
    ] {
        let service = nagios.service(name);
        assert_eq!(service["current_state"], state, "{service:#?}");
        for word in output.split('|') {
            assert!(service["plugin_output"].contains(word), "{name}: no {word} in {service:#?}");
        }
        assert!(service["performance_data"].contains(&perfdata), "{service:#?}");
        assert_eq!(service["performance_data"].is_empty(), perfdata.is_empty(), "{service:#?}");
        // Nagios keeps the further lines in one, with \n between.
        let further = service["long_plugin_output"].split("\\n").filter(|line| !line.is_empty());
        assert_eq!(further.count(), lines, "{service:#?}");
    }
}

/// What Nagios of this test reads and writes.
struct Folder {
    path: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let path = tempfile::tempdir().unwrap();
        fs::create_dir(path.path().join("var")).unwrap();
        run(Command::new("chmod").arg("755").arg(path.path()));
        // Started as root it becomes another user.
        run(Command::new("chmod").arg("777").arg(path.path().join("var")));
        fs::copy(BINARY, path.path().join("check_imap_session")).unwrap();
        Self { path }
    }

    /// The command of the example, with the test's plugin.
    fn command(&self) -> PathBuf {
        let plugin = self.path.path().join("check_imap_session").display().to_string();
        self.edited(COMMAND, &[("/usr/lib/nagios/plugins/check_imap_session", &plugin)])
    }

    fn edited(&self, file: &str, edits: &[(&str, &str)]) -> PathBuf {
        let mut text = fs::read_to_string(project(file)).unwrap();
        for (theirs, ours) in edits {
            assert!(text.contains(theirs), "{file} has no {theirs} any more");
            text = text.replace(theirs, ours);
        }
        let edited = self.path.path().join(Path::new(file).file_name().unwrap());
        fs::write(&edited, text).unwrap();
        edited
    }

    /// Services with name, address, password file and options, each of a host of its own.
    fn services(&self, services: &[(&str, &str, &str, &str)]) -> PathBuf {
        let define = |&(name, address, password, options): &(&str, &str, &str, &str)| {
            format!(
                "define host {{\nuse generic-host\nhost_name {name}\naddress {address}\nmax_check_attempts 1\n}}\n\
                 define service {{\nuse generic-service\nhost_name {name}\nservice_description {name}\n\
                 check_command check_imap_session!{options}\n_IMAP_USER ordinary\n_IMAP_PASSWORD_FILE {password}\n}}\n"
            )
        };
        let file = self.path.path().join("services.cfg");
        fs::write(&file, services.iter().map(define).collect::<String>()).unwrap();
        file
    }

    fn var(&self, name: &str) -> PathBuf {
        self.path.path().join("var").join(name)
    }

    /// The main file: Debian's templates and contacts, and these.
    fn configuration(&self, objects: &[PathBuf]) -> PathBuf {
        use std::fmt::Write;
        let mut text = String::new();
        for name in ["commands", "contacts", "timeperiods", "templates"] {
            writeln!(text, "cfg_file=/etc/nagios4/objects/{name}.cfg").unwrap();
        }
        for file in objects {
            writeln!(text, "cfg_file={}", file.display()).unwrap();
        }
        for (name, file) in [
            ("log_file", "nagios.log"),
            ("object_cache_file", "objects.cache"),
            ("precached_object_file", "objects.precache"),
            ("status_file", "status.dat"),
            ("command_file", "nagios.cmd"),
            ("lock_file", "nagios.pid"),
            ("temp_file", "nagios.tmp"),
            ("temp_path", ""),
            ("check_result_path", ""),
            ("state_retention_file", "retention.dat"),
            ("query_socket", "nagios.qh"),
        ] {
            writeln!(text, "{name}={}", self.var(file).display()).unwrap();
        }
        let user = |option| run(Command::new("id").arg(option)).trim().to_owned();
        let (user, group) =
            if user("-u") == "0" { ("nagios".into(), "nagios".into()) } else { (user("-un"), user("-gn")) };
        write!(
            text,
            "nagios_user={user}\nnagios_group={group}\nuse_syslog=0\ncheck_for_updates=0\ncheck_external_commands=0\n\
             status_update_interval=1\ncheck_result_reaper_frequency=1\nservice_inter_check_delay_method=n\n\
             illegal_macro_output_chars=`~$&|'\"<>\n"
        )
        .unwrap();
        let file = self.path.path().join("main.cfg");
        fs::write(&file, text).unwrap();
        file
    }

    fn verify(&self, objects: &[PathBuf]) -> (bool, String) {
        let output = output(Command::new(find("nagios4").unwrap()).arg("-v").arg(self.configuration(objects)));
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

struct Nagios {
    folder: Folder,
    _daemon: Daemon,
}

impl Nagios {
    /// Returns once each service was checked.
    fn start(folder: Folder, objects: &[PathBuf]) -> Self {
        let (accepted, said) = folder.verify(objects);
        assert!(accepted, "{said}");
        let main = folder.configuration(objects);
        let log = folder.path.path().join("log");
        let nagios = Self { _daemon: Daemon::start(Command::new(find("nagios4").unwrap()).arg(main), &log), folder };
        wait_for("Nagios checks each service", Duration::from_secs(300), || {
            let services = nagios.services();
            (!services.is_empty() && services.iter().all(|service| service["has_been_checked"] == "1")).then_some(())
        });
        nagios
    }

    fn service(&self, name: &str) -> HashMap<String, String> {
        let services = self.services();
        let found = services.iter().find(|service| service["service_description"] == name);
        found.unwrap_or_else(|| panic!("no service {name} in {services:#?}")).clone()
    }

    /// What the status file has, with short times; it may be in the making.
    fn services(&self) -> Vec<HashMap<String, String>> {
        let text = with_short_times(&fs::read_to_string(self.folder.var("status.dat")).unwrap_or_default());
        let blocks = text.split("servicestatus {").skip(1).filter_map(|block| block.split_once("\n\t}"));
        let pairs = |block: &str| {
            let pair = |line: &str| line.trim_start().split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
            block.lines().filter_map(pair).collect()
        };
        blocks.map(|(block, _)| pairs(block)).collect()
    }
}

fn trust() -> String {
    format!("--ca-file {}", dovecot().ca_file)
}
