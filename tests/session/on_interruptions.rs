//! What ends a run from outside or inside: signals, files that hang, a panic. The report still comes, at once, with all
//! that was measured.
use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::case::{PASSWORD, USER, plugin, skip_host};
use crate::resolver::Resolver;
use crate::testkit::plan::{GREETING, Mode};
use crate::testkit::plugin::{Plugin, Run};
use crate::testkit::server::{Record, Server};
use crate::testkit::step::Step;
use crate::testkit::well_behaved::{ended, replaced, well};

/// No run of this file may wait for it.
const LIMIT: &str = "60";
const AT_ONCE: Duration = Duration::from_secs(30);
const SIGNALS: [(&str, &str); 3] = [("TERM", "SIGTERM"), ("INT", "SIGINT"), ("HUP", "SIGHUP")];

#[test]
fn a_signal_in_a_login_is_reported_at_once() {
    for mode in [Mode::Clear, Mode::Implicit] {
        for (signal, name) in SIGNALS {
            let server = Server::start(ended(mode, "login", vec![Step::Silence]));
            let run = interrupted(&server, mode, &[signal], |record| record.contains("LOGIN"));
            assert_eq!(run.code, 2, "{run:#?}");
            check_ended_by(&run, name, "login failed: ");
            for phase in ["select INBOX", "select Archive", "logout"] {
                let line = run.phase_line(phase).unwrap();
                assert_eq!(line, format!("{phase}: not run: login failed"));
            }
            assert!(run.value("greeting").is_some() && run.value("login").is_none(), "{run:#?}");
            assert_eq!(run.value("login_ok"), Some(0.0));
            assert_eq!(run.value("timed_out"), Some(0.0), "a signal is no limit of ours");
            assert_eq!(run.figure("tls", "", "cert_days").is_some(), mode == Mode::Implicit);
        }
    }
}

#[test]
fn a_signal_in_the_second_mailbox_keeps_the_first_one() {
    for (signal, name) in SIGNALS {
        let server = Server::start(ended(Mode::Clear, "select Archive", vec![Step::Silence]));
        let run = interrupted(&server, Mode::Clear, &[signal], |record| record.contains("Archive"));
        assert_eq!(run.code, 2, "{run:#?}");
        check_ended_by(&run, name, "select Archive failed: ");
        assert!(run.summary().contains("INBOX 0."), "{run:#?}");
        assert_eq!(run.figure("select", "INBOX", "messages"), Some(3.0));
        assert_eq!(run.value("select_INBOX_ok"), Some(1.0));
        assert_eq!(run.value("select_Archive_ok"), Some(0.0));
        assert_eq!(run.value("select_Archive"), None);
    }
}

#[test]
fn a_signal_while_a_fresh_connection_is_set_up_is_reported_in_the_mailboxes_that_it_cost() {
    for (fault, code, first) in [
        (Step::Silence, 1, "select INBOX timed out after 0.300 s"),
        (Step::Close, 2, "select INBOX failed: connection closed"),
    ] {
        let first_connection = ended(Mode::Clear, "select INBOX", vec![fault]);
        let server = Server::in_turn(vec![first_connection, vec![Step::Silence]]);
        let due = server.watch(|record| record.connections == 2);
        let plugin = plugin(server.port, Mode::Clear).args(["-t", LIMIT, "--limit", "select:INBOX=300ms"]);
        let run = plugin.signals(&["TERM"], due).run();
        check_at_once(&run);
        assert_eq!(run.code, code, "{run:#?}");
        assert!(skip_host(&run).starts_with(first), "{run:#?}");
        let line = run.phase_line("select Archive").unwrap();
        let said = line.contains("not run: could not connect again: ended by SIGTERM after ");
        assert!(said, "{run:#?}");
        assert_eq!(run.value("select_Archive_ok"), Some(0.0));
        assert_eq!(run.value("login_ok"), Some(1.0));
        assert_eq!(run.figure("select", "Archive", "messages"), None);
    }
}

#[test]
fn a_signal_in_a_logout_changes_nothing() {
    let server = Server::start(ended(Mode::Clear, "logout", vec![Step::Silence]));
    let run = interrupted(&server, Mode::Clear, &["TERM"], |record| record.contains("LOGOUT"));
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.figure("select", "Archive", "messages"), Some(172.0));
}

#[test]
fn further_signals_do_not_break_the_report_of_the_first() {
    let server = Server::start(vec![Step::Send(GREETING.into()), Step::Expect("LOGIN".to_owned()), Step::Silence]);
    let all = ["HUP", "TERM", "INT", "TERM", "TERM"];
    let run = interrupted(&server, Mode::Clear, &all, |record| record.contains("LOGIN"));
    assert_eq!(run.code, 2, "{run:#?}");
    check_ended_by(&run, "SIG", "login failed: ");
}

#[test]
fn a_signal_while_the_name_is_resolved_is_reported_at_once() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let called = shim.called();
    let asked = called.clone();
    let plugin = Plugin::new(["-H", "imap.example.org", "-u", USER, "-t", LIMIT]).password(PASSWORD);
    let run = shim.load(plugin).env("SHIM_CALLED", called).signals(&["TERM"], move || asked.exists()).run();
    check_at_once(&run);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.summary().contains("resolve failed: ended by SIGTERM after "), "{run:#?}");
    assert_eq!(run.value("login_ok"), Some(0.0));
}

#[test]
fn a_signal_while_a_file_hangs_names_the_file() {
    for option in ["--password-file", "--ca-file", "--extra-opts"] {
        for (signal, name) in SIGNALS {
            let fifo = Fifo::make();
            let run = fifo.given_to(option, LIMIT).signals(&[signal], fifo.is_read()).run();
            check_at_once(&run);
            check_unknown(&run, option, &fifo);
            assert!(run.summary().contains(&format!("ended by {name} after ")), "{option}: {run:#?}");
        }
    }
}

#[test]
fn a_file_that_nobody_writes_to_ends_in_time_and_is_named() {
    for option in ["--password-file", "--ca-file", "--extra-opts"] {
        let fifo = Fifo::make();
        let run = fifo.given_to(option, "0.7").run();
        check_unknown(&run, option, &fifo);
        assert!(run.summary().contains("0.7 s"), "{option}: {run:#?}");
        assert!(run.elapsed > Duration::from_millis(690), "{option}: {run:#?}");
        assert!(run.elapsed < Duration::from_secs(8), "{option}: {run:#?}");
    }
    // Where -t stands behind flags, and the file may have one, too.
    for limit in [&["-4vt", "0.7"][..], &["-vvt0.7"]] {
        let run = Fifo::make().given_to("--extra-opts", LIMIT).args(limit).run();
        assert!(run.summary().contains("0.7 s") && run.elapsed < Duration::from_secs(8), "{run:#?}");
    }
}

#[test]
fn a_file_that_hangs_once_it_is_open_ends_in_time_and_is_named() {
    for option in ["--password-file", "--ca-file", "--extra-opts"] {
        let fifo = Fifo::make();
        // Opens the other end, and sends no signal at all.
        let run = fifo.given_to(option, "1").signals(&[], fifo.is_read()).run();
        check_unknown(&run, option, &fifo);
        assert!(run.elapsed < Duration::from_secs(8), "{option}: {run:#?}");
    }
}

#[test]
fn a_panic_in_the_worker_is_unknown_and_keeps_what_was_measured() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let server = Server::start(well(Mode::Clear));
    let port = server.port.to_string();
    let run = |breaks: Option<usize>, more: &[&str]| {
        let plugin = Plugin::new(["-H", "imap.example.org", "-p", &port, "-u", USER, "--tls", "none", "-t", LIMIT])
            .args(["-m", "INBOX", "-m", "Archive"])
            .args(more)
            .password(PASSWORD);
        let plugin = shim.answer(plugin, "127.0.0.1");
        let run = match breaks {
            Some(look) => plugin.env("SHIM_BREAKS", look.to_string()).run(),
            None => plugin.run(),
        };
        check_at_once(&run);
        run
    };
    assert_eq!(run(None, &[]).code, 0, "it is the fault that is found");

    let phases = ["resolve", "connect", "greeting", "login", "select INBOX", "select Archive"];
    let mut named = Vec::new();
    // Which phase the worker is in when it looks at the clock is its own matter, but for the first one.
    for look in 1..=6 {
        for more in [&[][..], &["-vvv"]] {
            let run = run(Some(look), more);
            assert_eq!(run.code, 3, "{run:#?}");
            assert_eq!(run.value("timed_out"), Some(0.0));
            let place =
                phases.iter().position(|phase| run.summary().contains(&format!("{phase} failed: internal error")));
            let place = place.unwrap_or_else(|| panic!("no phase is named: {run:#?}"));
            for (other, phase) in phases.iter().enumerate() {
                let time = run.value(&phase.replace(' ', "_"));
                assert_eq!(time.is_some(), other < place, "{phase}: {run:#?}");
                let not_run = format!("{phase}: not run: {} failed", phases[place]);
                assert_eq!(run.phase_line(phase) == Some(&not_run), other > place, "{run:#?}");
            }
            named.push(phases[place]);
        }
    }
    assert_eq!(named[0], "resolve");
    assert!(named.contains(&"login"), "{named:?}");

    let run = run(Some(1), &["--every-address"]);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(run.summary().contains("resolve failed: internal error"), "{run:#?}");
}

#[test]
fn a_signal_that_comes_when_all_is_done_already_is_no_fault() {
    // As late as a test can send one: the server has said its last word.
    let script = replaced(Mode::Clear, "logout", &[Step::Send(b"* BYE bye\r\n".into()), Step::Close]);
    let server = Server::start(script);
    let run = interrupted(&server, Mode::Clear, &["TERM"], |record| record.contains("LOGOUT"));
    assert_eq!(run.code, 0, "{run:#?}");
}

/// A run that gets these signals once the server has seen enough.
fn interrupted(server: &Server, mode: Mode, signals: &[&'static str], due: impl Fn(&Record) -> bool + 'static) -> Run {
    let mut plugin = plugin(server.port, mode).args(["-t", LIMIT]);
    if mode != Mode::Clear {
        plugin = plugin.arg("--ca-file").arg(server.ca_file());
    }
    let run = plugin.signals(signals, server.watch(due)).run();
    check_at_once(&run);
    run
}

fn check_at_once(run: &Run) {
    run.check_sound();
    assert!(run.elapsed < AT_ONCE, "{run:#?}");
    assert!(!run.stdout.contains(PASSWORD), "{run:#?}");
}

/// The summary begins with the phase, the signal and a time with one decimal that can be true.
fn check_ended_by(run: &Run, signal: &str, first: &str) {
    let said = skip_host(run).strip_prefix(first);
    let said = said.unwrap_or_else(|| panic!("not {first}: {run:#?}"));
    let said = said.strip_prefix(&format!("ended by {signal}")).unwrap_or_else(|| panic!("not {signal}: {run:#?}"));
    let (_, after) = said.split_once("after ").unwrap();
    let (time, _) = after.split_once(" s").unwrap();
    assert_eq!(time.split_once('.').map(|(_, part)| part.len()), Some(1), "{run:#?}");
    let time: f64 = time.parse().unwrap();
    assert!(time <= run.elapsed.as_secs_f64() + 0.1, "{run:#?}");
}

fn check_unknown(run: &Run, option: &str, fifo: &Fifo) {
    run.check_sound();
    assert_eq!(run.code, 3, "{option}: {run:#?}");
    assert!(run.summary().contains(fifo.path.to_str().unwrap()), "{option}: {run:#?}");
    assert!(run.summary().contains(option), "{option}: {run:#?}");
}

/// A file that hangs: a pipe that nobody writes to.
struct Fifo {
    path: PathBuf,
    password: PathBuf,
    _folder: TempDir,
}

impl Fifo {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hangs");
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo is there");
        assert!(made.success());
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        Self { path, password, _folder: folder }
    }

    /// A run that has it for this option and, were it not for that, could go on.
    fn given_to(&self, option: &str, limit: &str) -> Plugin {
        let plugin = Plugin::new(["-H", "127.0.0.1", "-p", "1", "-u", USER, "-t", limit]);
        let path = Path::new(&self.path);
        match option {
            "--extra-opts" => plugin.password(PASSWORD).arg(format!("{option}=imap@{}", path.display())),
            "--password-file" => plugin.arg(option).arg(path),
            _ => plugin.arg("--password-file").arg(&self.password).arg(option).arg(path),
        }
    }

    /// Whether somebody has opened it to read. From then on it has a writer that writes nothing.
    fn is_read(&self) -> impl Fn() -> bool + 'static {
        const O_NONBLOCK: i32 = 0o4000;
        let path = self.path.clone();
        let writer: RefCell<Option<File>> = RefCell::new(None);
        move || {
            let mut writer = writer.borrow_mut();
            if writer.is_none() {
                *writer = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&path).ok();
            }
            writer.is_some()
        }
    }
}
