//! The question for a password at a terminal: no echo, no time of the run, and a terminal as it was on every way out.
use std::thread;
use std::time::{Duration, Instant};

use crate::case::{PASSWORD, USER};
use crate::testkit::plan::Mode;
use crate::testkit::plugin::Plugin;
use crate::testkit::screen::{Screen, Size};
use crate::testkit::server::Server;
use crate::testkit::terminal::{Shown, Terminal};
use crate::testkit::well_behaved::well;

const SIZE: Size = Size { columns: 200, lines: 50 };
const QUESTION: &str = "Password of probe@example.org at 127.0.0.1:";

#[test]
fn a_password_is_asked_for_without_echo_and_before_the_clock_starts() {
    for args in [&["-o", "nagios"][..], &["-o", "timeline"], &["-o", "timeline", "--repeat", "1"]] {
        let server = Server::start(well(Mode::Clear));
        let mut terminal = ask(&plugin(&server).args(args));
        let waited = Duration::from_secs(1);
        thread::sleep(waited);
        let answered = Instant::now();
        terminal.type_keys(PASSWORD);
        terminal.type_keys("\r");
        let shown = terminal.finish();
        let most = answered.elapsed();
        assert_eq!(shown.code, Some(0), "{shown:#?}");
        check_restored(&shown);
        let record = server.finish();
        assert!(record.contains(PASSWORD), "{record:#?}");
        if args.contains(&"nagios") {
            let lines = shown.screen.lines();
            let total = lines.join("").split("total=").nth(1).unwrap().split('s').next().unwrap().parse().unwrap();
            assert!(Duration::from_secs_f64(total) <= most, "{total} s of {most:?}: {shown:#?}");
        }
    }
}

#[test]
fn every_way_out_of_the_question_leaves_a_terminal_that_echoes() {
    let server = Server::start(well(Mode::Clear));
    // Ctrl-\ and Ctrl-Z do nothing, Ctrl-D is the end of the input.
    for (keys, said) in [
        ("secret\x03", "ended by SIGINT after "),
        ("\x1a\x1c\x03", "ended by SIGINT after "),
        ("\r", "its first line cannot be used: it is empty"),
        ("\x04", "its first line cannot be used: it is empty"),
    ] {
        let mut terminal = ask(&plugin(&server));
        terminal.type_keys(keys);
        check_refused(&terminal.finish(), said);
    }
    // No key is typed before the signal: a busy kernel would pass it on when the echo is back.
    for signal in ["TERM", "INT", "HUP"] {
        let terminal = ask(&plugin(&server));
        terminal.send_signal(signal);
        check_refused(&terminal.finish(), &format!("ended by SIG{signal} after "));
    }
    assert_eq!(server.finish().connections, 0);
}

#[test]
fn an_answer_that_is_no_token_is_reported_where_it_was_given() {
    let server = Server::start(well(Mode::Clear));
    let plugin = plugin(&server).args(["--auth", "xoauth2"]);
    let mut terminal = Terminal::begin(&plugin, SIZE);
    terminal.wait_until(|screen: &Screen| screen.lines().last().is_some_and(|line| line.ends_with(':')));
    terminal.type_keys("secret with blanks\r");
    let shown = terminal.finish();
    let said = shown.screen.lines().pop().unwrap();
    assert!(said.starts_with("IMAP is UNKNOWN: --password-file: /dev/tty: it is no access token"), "{shown:#?}");
    let run = plugin.args(["-o", "json", "--repeat", "1"]).stdin("secret with blanks\n").run();
    let said = "--password-file: standard input: it is no access token";
    assert!(run.code == 3 && run.stdout.contains(said), "{run:#?}");
    assert_eq!(server.finish().connections, 0);
}

#[test]
fn a_limit_and_a_signal_behind_the_question_find_a_terminal_that_echoes() {
    for signal in [None, Some("TERM")] {
        let server = Server::start(vec![crate::testkit::step::Step::Silence]);
        let due = server.watch(|record| record.connections > 0);
        let mut terminal = ask(&plugin(&server).args(["-t", if signal.is_some() { "60" } else { "1" }]));
        terminal.type_keys(PASSWORD);
        terminal.type_keys("\n");
        if let Some(signal) = signal {
            while !due() {
                thread::sleep(Duration::from_millis(5));
            }
            assert!(terminal.echoes());
            terminal.send_signal(signal);
        }
        let shown = terminal.finish();
        assert_eq!(shown.code, Some(2), "{shown:#?}");
        check_restored(&shown);
    }
}

fn plugin(server: &Server) -> Plugin {
    Plugin::new(["-H", "127.0.0.1", "-p", &server.port.to_string(), "--tls", "none", "-u", USER, "-t", "60"])
        .args(["-m", "INBOX", "-m", "Archive", "--password-file", "-"])
        .env("TERM", "xterm")
}

/// The question is on the terminal.
fn ask(plugin: &Plugin) -> Terminal {
    let mut terminal = Terminal::begin(plugin, SIZE);
    terminal.wait_until(|screen: &Screen| screen.lines().last().is_some_and(|line| line == QUESTION));
    assert!(!terminal.echoes());
    terminal
}

fn check_refused(shown: &Shown, said: &str) {
    assert_eq!(shown.code, Some(3), "{shown:#?}");
    let last = shown.screen.lines().pop().unwrap();
    assert!(last.starts_with(&format!("IMAP is UNKNOWN: --password-file: /dev/tty: {said}")), "{shown:#?}");
    check_restored(shown);
}

/// The question stands alone in its line.
fn check_restored(shown: &Shown) {
    assert!(shown.echoes, "{shown:#?}");
    assert_eq!(shown.screen.lines()[0], QUESTION, "{shown:#?}");
    let text = shown.screen.lines().join("\n");
    assert!(!text.contains(PASSWORD) && !text.contains("secret"), "{shown:#?}");
}
