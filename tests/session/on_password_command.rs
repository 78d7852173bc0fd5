//! `--password-command`: whose output the password is, what is said of one that fails, and that nothing of it is left.
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::case::{PASSWORD, USER};
use crate::testkit::plan::Mode;
use crate::testkit::plugin::{Plugin, Run};
use crate::testkit::server::Server;
use crate::testkit::well_behaved::well;

#[test]
fn the_first_line_of_the_command_is_the_password() {
    for (command, launcher) in [
        (format!("cat; echo '{PASSWORD}'; echo more"), &[][..]),
        // Who ignores SIGCHLD, as some daemons do, hands that down, and the kernel then keeps no exit status.
        (format!("sleep 0.05; printf '{PASSWORD}'"), &["sh", "-c", "trap '' CHLD; exec \"$@\"", "sh"]),
    ] {
        let server = Server::start(well(Mode::Clear));
        let plugin = plugin(server.port, &command).arg("-vvv").stdin("standard input is for nobody\n");
        let run = if launcher.is_empty() { plugin.run() } else { launched(&plugin, launcher) };
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        assert!(!run.stdout.contains(PASSWORD), "{run:#?}");
        let record = server.finish();
        assert!(record.contains(&format!("\"{PASSWORD}\"\r\n")) && !record.contains("more"), "{record:?}");
    }
}

#[test]
fn a_command_that_fails_is_unknown_with_its_own_words_and_no_secret() {
    let server = Server::start(well(Mode::Clear));
    for (command, reason) in [
        ("echo 'vault: permission denied' >&2; exit 2", "exit status 2: vault: permission denied"),
        ("set -x; echo opensesame; exit 1", "exit status 1: + exit 1"),
        ("echo opensesame; echo 'no: opensesame' >&2; exit 1", "exit status 1: no: ***"),
        ("echo opensesame; echo opensesame | base64 >&2; exit 1", "exit status 1: ***o="),
        ("kill -KILL $$", "ended by signal 9"),
        ("echo denied >&2 | true", "its first line cannot be used: it is empty, on standard error: denied"),
        ("printf '\\357\\273\\277opensesame'", "its first line cannot be used: it begins with a byte order mark"),
    ] {
        for args in [&["-vvv"][..], &["-o", "json"], &["-o", "prometheus"], &["-o", "timeline"]] {
            let run = plugin(server.port, command).args(args).run();
            assert_eq!((run.code, run.stderr.as_str()), (3, ""), "{run:#?}");
            assert!(!run.stdout.contains("opensesame") && !run.stdout.contains("b3BlbnNlc2FtZQ"), "{run:#?}");
            if args == ["-vvv"] {
                let wanted = format!("127.0.0.1: --password-command: {reason}");
                assert!(run.check_sound().summary().starts_with(&wanted), "{wanted}: {run:#?}");
            }
        }
    }
    assert_eq!(server.finish().connections, 0);
}

#[test]
fn a_limit_and_a_signal_end_the_command_with_all_that_it_has_started() {
    let server = Server::start(well(Mode::Clear));
    let folder = tempfile::tempdir().unwrap();
    for signal in [None, Some("TERM"), Some("INT")] {
        let name = format!("{}.{}", 4000 + signal.map_or(0, str::len), std::process::id());
        let begun = folder.path().join(&name);
        let command =
            format!("trap '' TERM INT; (sleep {name} & sleep {name}) & touch {}; sleep {name}", begun.display());
        let mut plugin = plugin(server.port, &command).args(["-t", if signal.is_some() { "60" } else { "1" }]);
        plugin = match signal {
            Some(signal) => plugin.signals(&[signal], move || begun.exists()),
            None => plugin,
        };
        let run = plugin.run();
        assert_eq!(run.check_sound().code, 3, "{run:#?}");
        let reason = signal.map_or("not done within 1 s".to_owned(), |signal| format!("ended by SIG{signal} after "));
        let wanted = format!("127.0.0.1: --password-command: {reason}");
        assert!(run.summary().starts_with(&wanted), "{wanted}: {run:#?}");
        assert!(run.elapsed < Duration::from_secs(20), "{run:#?}");
        check_gone(&name);
    }
    assert_eq!(server.finish().connections, 0);
}

#[test]
fn each_of_many_runs_has_a_command_of_its_own_and_ends_it() {
    let server = Server::start(well(Mode::Clear));
    let folder = tempfile::tempdir().unwrap();
    let (log, name) = (folder.path().join("log"), format!("5000.{}", std::process::id()));
    let command = format!("echo run >>{}; sleep {name} & sleep {name}", log.display());
    let run = plugin(server.port, &command).args("--repeat 3 --interval 0 -t 200ms -o json".split(' ')).run();
    assert_eq!(run.code, 3, "{run:#?}");
    let obstacle = r#""obstacle":"--password-command: not done within 0.2 s (total limit)""#;
    assert_eq!(run.stdout.matches(obstacle).count(), 3, "{run:#?}");
    assert_eq!(fs::read_to_string(log).unwrap(), "run\n".repeat(3));
    check_gone(&name);
    assert_eq!(server.finish().connections, 0);
}

fn plugin(port: u16, command: &str) -> Plugin {
    Plugin::new(["-H", "127.0.0.1", "-p", &port.to_string(), "--tls", "none", "-u", USER]).args([
        "-m",
        "INBOX",
        "-m",
        "Archive",
        "--password-command",
        command,
    ])
}

/// The same run, started by another program.
fn launched(plugin: &Plugin, launcher: &[&str]) -> Run {
    let output = plugin.command(launcher).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        elapsed: Duration::ZERO,
        peak_kib: 0,
    }
}

/// A process that was killed needs a moment to die; those of the tests would live for an hour.
fn check_gone(part: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    while !list_processes(part).is_empty() {
        assert!(Instant::now() < end, "{:?}", list_processes(part));
        thread::sleep(Duration::from_millis(5));
    }
}

/// Command lines of processes that live, with this in them.
fn list_processes(part: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let read = |process: &Path| fs::read_to_string(process.join("cmdline")).unwrap_or_default();
    processes.map(|process| read(&process)).filter(|line| line.contains(part)).collect()
}
