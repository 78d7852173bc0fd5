//! The run that README shows as a picture: recorded by `make picture`, and held against what the timeline prints today. A
//! scripted server answers after a while, and never to the second SELECT.
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use crate::resolver::Resolver;
use crate::testkit::plan::{Mode, Phase, Plan, Task};
use crate::testkit::plugin::Plugin;
use crate::testkit::screen::Size;
use crate::testkit::server::Server;
use crate::testkit::step::Step;
use crate::testkit::terminal::Terminal;
use crate::testkit::well_behaved::script;

const HUNG: &str = "select Archive";
/// As wide as a page of documentation shows it without making it smaller.
const SIZE: Size = Size { columns: 100, lines: 40 };
/// What takes the last drawn picture away, in whose place comes the report that stays.
const CLEAR_BELOW: &str = "\x1b[J";

#[test]
fn the_picture_shows_what_the_timeline_prints() {
    let Some(shim) = Resolver::build() else { return };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/timeline.ansi");
    let run = record(&shim);
    if env::var_os("RECORD_PICTURE").is_some() {
        fs::write(&file, run).unwrap();
        return;
    }
    let recorded = fs::read_to_string(&file).unwrap();
    assert_eq!(mask(&recorded), mask(&run), "`make picture` records it anew\nrecorded:\n{recorded}\nnow:\n{run}");
}

/// A command line, and what it leaves on a terminal.
fn record(shim: &Resolver) -> String {
    let mailboxes = [("INBOX", 42.0), ("Archive", 2718.0), ("Sent", 314.0)];
    let tasks = mailboxes.map(|(name, messages)| Task::new("select", name).yielding("messages", messages));
    let plan = Plan::new(Mode::Implicit, tasks.to_vec());
    let place = plan.phases().iter().position(|phase| phase.name() == HUNG).unwrap();
    let fresh = plan.phases_of_fresh_connection(place, false).into_iter().map(delay);
    let server = Server::in_turn(vec![script(plan.phases_of_server().into_iter().map(delay)), script(fresh)]);
    let folder = tempfile::tempdir().unwrap();
    let [ca_file, password] = ["ca.pem", "password"].map(|name| folder.path().join(name).display().to_string());
    fs::copy(server.ca_file(), &ca_file).unwrap();
    fs::write(&password, "opensesame\n").unwrap();

    let port = server.port.to_string();
    let account = ["-H", "imap.example.org", "-p", &port, "--ca-file", &ca_file, "-u", "monitor"];
    let rest = ["-m", "INBOX", "-m", "Archive", "-m", "Sent", "--limit", "select=1", "-o", "timeline"];
    let words = [&account[..], &["--password-file", &password], &rest].concat();
    let plugin = shim.answer(Plugin::new(&words).env("TERM", "xterm"), "127.0.0.1");
    let shown = Terminal::begin(&plugin, SIZE).finish();
    assert_eq!(shown.code, Some(1), "{shown:#?}");

    let text = String::from_utf8(shown.bytes).unwrap().replace("\r\n", "\n");
    let (_, report) = text.rsplit_once(CLEAR_BELOW).expect("the last picture goes");
    let command = words.join(" ").replace(&format!("{}/", folder.path().display()), "");
    format!("$ check_imap_session {}\n{report}", command.replace(" -m INBOX", " \\\n    -m INBOX"))
}

/// A server that takes its time.
fn delay(mut phase: Phase) -> Phase {
    let milliseconds = match phase.operation {
        "greeting" => 40,
        "login" => 300,
        "select" => 120,
        _ => 0,
    };
    let hung = phase.name() == HUNG;
    phase.answer.insert(0, if hung { Step::Silence } else { Step::Pause(Duration::from_millis(milliseconds)) });
    phase
}

/// Without what differs from run to run: digits, the unit of a time, and the places of bars.
fn mask(text: &str) -> String {
    let mut masked = String::new();
    for c in text.chars().filter(|c| !c.is_whitespace() && *c != '█') {
        let c = if c.is_ascii_digit() { '0' } else { c };
        if c != '0' || !masked.ends_with('0') {
            masked.push(c);
        }
    }
    masked.replace("0.0ms", "0.0s")
}
