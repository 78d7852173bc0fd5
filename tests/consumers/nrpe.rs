//! NRPE: its daemon runs the commands of `icinga/examples/nrpe.cfg`, `check_nrpe` hands over what they said.

use crate::real::{BINARY, Daemon, find, free_port, have, output, project, run, wait_for, with_short_times};
use crate::testkit::dovecot::dovecot;
use crate::testkit::nagios::begin_item;
use crate::testkit::plan::{Mode, Plan};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const EXAMPLE: &str = "icinga/examples/nrpe.cfg";
/// NRPE cuts what is longer, without a word.
const CARRIES: usize = 65_505;

#[test]
fn the_example_loads_as_it_is() {
    if !have(&["nrpe", "check_nrpe"]) {
        return;
    }
    let example = std::fs::read_to_string(project(EXAMPLE)).unwrap();
    let commands: Vec<(&str, &str)> = example
        .lines()
        .filter_map(|line| line.strip_prefix("command[")?.split_once("]="))
        .inspect(|(name, line)| {
            assert!(!line.contains("$ARG"), "{name}: Debian's nrpe takes no arguments");
            assert!(line.len() < 2000, "{name}: nrpe cuts a longer line");
        })
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");

    let nrpe = Nrpe::start(&format!("include={}\n", project(EXAMPLE).display()));
    for (name, _) in commands {
        let (said, code) = nrpe.ask(name);
        // The plugin is perhaps not installed and the server of the example is not there: but that is where it ended.
        assert!(!said.contains("not defined") && code != 0, "{name}: {said}");
    }
    let (said, code) = nrpe.ask("another_command");
    assert!(said.contains("not defined") && code == 3, "{said}");
}

#[test]
fn the_commands_of_the_example_give_text_perfdata_and_code() {
    if !have(&["nrpe", "check_nrpe"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    readable(folder.path());
    let ini = folder.path().join("imap.ini");
    let server = dovecot();
    let text = format!(
        "[imap]\nhostname = 127.0.0.1\nport = {}\nca-file = {}\nusername = ordinary\npassword-file = {}\n\
         mailbox = INBOX\nmailbox = Entwürfe\nmailbox = Sent Items\n",
        server.imaps_port,
        server.ca_file,
        server.password_file("ordinary").display()
    );
    std::fs::write(&ini, text).unwrap();
    let nrpe = Nrpe::start(&on_dovecot(&folder, &ini));

    let all = "INBOX 0.|Archive 0.|Sent Items 0.";
    for (name, words) in [
        ("check_imap_session", "login 0.|INBOX 0."),
        ("check_imap_session_mailboxes", all),
        (
            "check_imap_session_mailbox",
            "status INBOX 0.|2 unseen|0 matches|newest message |list Archive 0.|, 1 mailbox|",
        ),
        ("check_imap_session_write", "append Projects/2026/Summer 0.| removed|remove_Projects_2026_Summer_removed="),
        ("check_imap_session_certificate", &(begin_item("tls", "", "cert_days") + "364.9;21:;7:;;")),
        ("check_imap_session_addresses", "127.0.0.1 login 0.|login_a1=0."),
        // NRPE runs its commands without LANG.
        ("check_imap_session_ini", &format!("INBOX 0.|Entwürfe 0.|{}0.", begin_item("select", "Entwürfe", "time"))),
    ] {
        let (said, code) = nrpe.ask(name);
        assert!(said.starts_with("IMAP is OK: 127.0.0.1: ") && code == 0, "{name}: {code} {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for word in words.split('|') {
            assert!(said.contains(word), "{name}: no {word} in {said}");
        }
    }
}

#[test]
fn each_state_arrives_with_all_its_lines() {
    if !have(&["nrpe", "check_nrpe"]) {
        return;
    }
    let server = dovecot();
    let (folder, plugin) = plugin();
    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, "not the password\n").unwrap();
    let usual = usual(&plugin, "127.0.0.1");
    let password = server.password_file("ordinary");
    let password = password.display();
    let commands = format!(
        "command[warning]={}  -w tls.cert_days=21: -c tls.cert_days=1:\n\
         command[critical]={usual} -m INBOX -m Nowhere\n\
         command[login]={plugin} -H 127.0.0.1 -p {} --ca-file {} -u ordinary --password-file {}\n\
         command[silent]={plugin} -H 127.0.0.1 -p {} --tls none -u ordinary --password-file {password} -t 3\n\
         command[unknown]={usual} --limit logon=1\n\
         command[bare]=/usr/bin/env -i {usual} -m INBOX -m Entwürfe\n\
         command[environment]=/usr/bin/env\n",
        self::usual(&plugin, "127.0.0.5"),
        server.imaps_port,
        server.ca_file,
        wrong.display(),
        server.silent_port,
    );
    let nrpe = Nrpe::start(&commands);
    for (name, code, lines, words) in [
        ("warning", 1, 8, "IMAP is WARNING: 127.0.0.5: tls 0.|[OK] logout: "),
        (
            "critical",
            2,
            9,
            "IMAP is CRITICAL: 127.0.0.1: select Nowhere failed: NO |[CRITICAL] select Nowhere|[OK] logout: ",
        ),
        (
            "login",
            2,
            8,
            "IMAP is CRITICAL: 127.0.0.1: login failed: NO [AUTHENTICATIONFAILED]|[CRITICAL] login: failed",
        ),
        (
            "silent",
            2,
            7,
            &format!("IMAP is CRITICAL: 127.0.0.1: greeting timed out after |{}1", begin_item("timed_out", "", "time")),
        ),
        ("unknown", 3, 1, "IMAP is UNKNOWN: --limit: logon is not a phase"),
        ("bare", 0, 1, "IMAP is OK: 127.0.0.1: login 0.|Entwürfe 0."),
    ] {
        let (said, exit) = nrpe.ask(name);
        assert_eq!((exit, said.lines().count()), (code, lines), "{name}: {said}");
        for word in words.split('|') {
            assert!(said.contains(word), "{name}: no {word} in {said}");
        }
    }
    let (environment, _) = nrpe.ask("environment");
    assert!(environment.contains("PATH=") && !environment.contains("LANG="), "{environment}");
}

#[test]
fn many_mailboxes_arrive_whole() {
    if !have(&["nrpe", "check_nrpe"]) {
        return;
    }
    let server = dovecot();
    let (folder, plugin) = plugin();
    let mut commands = String::new();
    // What takes the most place: names as long as are allowed, each with the server's refusal in a line of its own.
    for (name, mailbox) in [("same", "INBOX"), ("missing", "Missing mailbox, 32 bytes:")] {
        let ini = folder.path().join(name);
        let mut text = format!(
            "[imap]\nhostname=127.0.0.1\nport={}\nca-file={}\nusername=ordinary\npassword-file={}\n",
            server.imaps_port,
            server.ca_file,
            server.password_file("ordinary").display()
        );
        for number in 1..=250 {
            let number = if name == "same" { String::new() } else { format!(" {number:05}") };
            writeln!(text, "mailbox={mailbox}{number}").unwrap();
        }
        std::fs::write(&ini, text).unwrap();
        writeln!(commands, "command[{name}]={plugin} --extra-opts=imap@{} -v", ini.display()).unwrap();
    }
    let nrpe = Nrpe::start(&commands);
    for (name, code, mailbox) in
        [("same", 0, "select INBOX: "), ("missing", 2, "select Missing mailbox, 32 bytes: 00250: ")]
    {
        let (said, exit) = nrpe.ask(name);
        assert_eq!(exit, code, "{said}");
        assert!(said.len() < CARRIES, "{name}: {} bytes", said.len());
        let lines: Vec<&str> = said.lines().collect();
        // The summary, then a line for each phase, LOGOUT's last.
        let phases = Plan::of_mailboxes(Mode::Implicit, &["INBOX"; 250]).phases();
        assert_eq!(lines.len(), 1 + phases.len(), "{name}: {said}");
        let [.., last, logout] = lines[..] else { panic!("{said}") };
        assert!(last.contains(mailbox), "{name}: {last}");
        assert!(logout.starts_with("[OK] logout: 0."), "{name}: {logout}");
        let labels = lines[0].split(' ').filter_map(|item| item.split_once('='));
        let flags = labels.filter(|(label, _)| label.trim_matches('\'').ends_with("_ok")).count();
        assert_eq!(flags, 251, "{name}: perfdata of each mailbox and of the login");
    }
}

/// A private daemon with these lines in its configuration.
struct Nrpe {
    port: u16,
    _daemon: Daemon,
    _folder: tempfile::TempDir,
}

impl Nrpe {
    fn start(commands: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        readable(folder.path());
        let port = free_port();
        let user = if is_root() { "nagios".to_owned() } else { run(Command::new("id").arg("-un")).trim().to_owned() };
        let group = if is_root() { "nagios".to_owned() } else { run(Command::new("id").arg("-gn")).trim().to_owned() };
        let file = folder.path().join("nrpe.cfg");
        let text = format!(
            "pid_file={}\nserver_address=127.0.0.1\nserver_port={port}\nnrpe_user={user}\nnrpe_group={group}\n\
             allowed_hosts=127.0.0.1\ndont_blame_nrpe=0\n{commands}",
            folder.path().join("pid").display()
        );
        std::fs::write(&file, text).unwrap();
        let log = folder.path().join("log");
        let daemon = Daemon::start(Command::new(find("nrpe").unwrap()).arg("-c").arg(&file).arg("-f"), &log);
        let nrpe = Self { port, _daemon: daemon, _folder: folder };
        wait_for("nrpe answers (why it does not, syslog knows)", Duration::from_secs(300), || {
            nrpe.ask("_NRPE_CHECK").0.starts_with("NRPE v").then_some(())
        });
        nrpe
    }

    /// Output, with short times, and exit code, as `check_nrpe` has them for its caller: with its own limit of 10 seconds.
    fn ask(&self, command: &str) -> (String, i32) {
        let mut asked = Command::new(find("check_nrpe").unwrap());
        asked.args(["-H", "127.0.0.1", "-p", &self.port.to_string()]);
        if command != "_NRPE_CHECK" {
            asked.args(["-c", command]);
        }
        let output = output(&mut asked);
        (with_short_times(&String::from_utf8(output.stdout).unwrap()), output.status.code().unwrap())
    }
}

/// The example with the server, the account and the paths of the test.
fn on_dovecot(folder: &tempfile::TempDir, ini: &Path) -> String {
    let plugin = copy(folder.path());
    let server = dovecot();
    let mut text = std::fs::read_to_string(project(EXAMPLE)).unwrap();
    for (theirs, ours) in [
        ("/usr/lib/nagios/plugins/check_imap_session", plugin),
        ("-H imap.example.org", format!("-H 127.0.0.1 -p {} --ca-file {}", server.imaps_port, server.ca_file)),
        ("-u monitor", "-u ordinary".to_owned()),
        ("/etc/imap-monitor.password", server.password_file("ordinary").display().to_string()),
        ("/etc/imap-monitor.ini", ini.display().to_string()),
        // Other tests count the messages in INBOX.
        ("append:INBOX", "append:Projects/2026/Summer".to_owned()),
        // The account of the tests has no quota, which a threshold on it reports as WARNING.
        (" -O quota -w quota.storage=80 -c quota.storage=95", String::new()),
        // A busy machine stays below these.
        ("--limit select=2 -w login=1 -c login=4", "--limit select=7 -w login=6 -c login=7".to_owned()),
        ("-w append=1 -w remove=1", "-w append=7 -w remove=7".to_owned()),
    ] {
        assert!(text.contains(theirs), "{EXAMPLE} has no {theirs} any more");
        text = text.replace(theirs, &ours);
    }
    text
}

fn usual(plugin: &str, address: &str) -> String {
    let server = dovecot();
    let password = server.password_file("ordinary");
    let password = password.display();
    format!(
        "{plugin} -H {address} -p {} --ca-file {} -u ordinary --password-file {password}",
        server.imaps_port, server.ca_file
    )
}

/// Where NRPE's user can run it, wherever the project is.
fn plugin() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    readable(folder.path());
    let plugin = copy(folder.path());
    (folder, plugin)
}

fn copy(folder: &Path) -> String {
    let plugin = folder.join("check_imap_session");
    std::fs::copy(BINARY, &plugin).unwrap();
    plugin.display().to_string()
}

fn readable(folder: &Path) {
    run(Command::new("chmod").arg("755").arg(folder));
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")).trim() == "0"
}
