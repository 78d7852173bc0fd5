//! `-o timeline` on a pseudo-terminal, what it prints without one, and `--repeat`.
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::case::{PASSWORD, USER, plugin};
use crate::resolver::Resolver;
use crate::testkit::json::read;
use crate::testkit::plan::{GREETING, Mode, Plan};
use crate::testkit::plugin::{Plugin, Run};
use crate::testkit::screen::{Screen, Size};
use crate::testkit::server::Server;
use crate::testkit::step::{Step, expect, leave, send, tagged};
use crate::testkit::terminal::{Shown, Terminal};
use crate::testkit::well_behaved::{ended, replaced, well};

/// No run of this file may wait for it.
const LIMIT: &str = "60";
const AT_ONCE: Duration = Duration::from_secs(30);
/// Long enough for several pictures.
const A_WHILE: Step = Step::Pause(Duration::from_secs(1));
const SHOW_CURSOR: &str = "\x1b[?25h";
const HIDE_CURSOR: &str = "\x1b[?25l";

#[test]
fn no_line_is_wider_than_the_terminal() {
    let reason = format!("NO [NOPERM] you may not open this mailbox {}", "because of a rule ".repeat(5));
    let script = replaced(Mode::Implicit, "select Archive", &[A_WHILE, tagged(reason.trim())]);
    for columns in [39, 40, 80, 200] {
        let server = Server::start(script.clone());
        let terminals = [None, Some("-v"), Some("-vvv")].map(|verbosity| {
            let plugin = timeline(&server, Mode::Implicit).arg("--ca-file").arg(server.ca_file()).args(verbosity);
            Terminal::begin(&plugin, sized(columns))
        });
        for terminal in terminals {
            let shown = terminal.finish();
            check_left(&shown, 2);
            assert!(shown.screen.pictures.len() > 1, "nothing was drawn during the run: {shown:#?}");
            let words = squeeze(&shown.screen.lines().join(" "));
            for phase in ["resolve", "connect", "tls", "greeting", "login", "select INBOX", "select Archive", "logout"]
            {
                assert!(words.contains(&squeeze(phase)), "{phase}: {shown:#?}");
            }
            // In the line of the phase, in the summary and in the dialogue.
            let times = if words.contains("S:a4OKdone") { 3 } else { 2 };
            assert_eq!(words.matches(&squeeze(&reason)).count(), times, "{shown:#?}");
            let widest = shown.screen.lines().iter().map(|line| line.width()).max().unwrap();
            assert!(widest > usize::from(columns) / 2, "the room is not used: {shown:#?}");
        }
    }
}

/// In xterm a sequence that erases the rest of a full line takes its last character as well.
#[test]
fn full_lines_keep_their_last_character() {
    let server = Server::start(replaced(Mode::Implicit, "select Archive", &[A_WHILE, tagged("OK done")]));
    let terminals: Vec<Terminal> = (41..57)
        .map(|columns| {
            let plugin = timeline(&server, Mode::Implicit).arg("--ca-file").arg(server.ca_file()).arg("-v");
            Terminal::begin(&plugin, sized(columns))
        })
        .collect();
    for terminal in terminals {
        check_left(&terminal.finish(), 0);
    }
}

#[test]
fn the_picture_of_a_good_run_has_a_line_and_a_bar_per_phase() {
    let server = Server::start(replaced(
        Mode::Clear,
        "select Archive",
        &[A_WHILE, send("* 172 EXISTS\r\n"), tagged("OK [READ-WRITE] done")],
    ));
    let shown = Terminal::begin(&timeline(&server, Mode::Clear), sized(100)).finish();
    check_left(&shown, 0);
    let lines = shown.screen.lines();
    let masked: Vec<String> = lines.iter().map(|line| mask(line)).collect();
    let connect = format!("OK connect TIME █ 127.0.0.1 port {}", server.port);
    assert_eq!(
        masked[..7],
        [
            "OK resolve TIME █ 127.0.0.1",
            connect.as_str(),
            "OK greeting TIME █",
            "OK login TIME █",
            "OK select INBOX TIME █ 3 messages",
            "OK select Archive TIME █ 172 messages",
            "OK logout TIME █",
        ],
        "{lines:#?}"
    );
    assert_eq!(masked[7], "", "{lines:#?}");
    assert!(masked[8].starts_with("OK 127.0.0.1: "), "{lines:#?}");
    let bar = |line: &String| line.matches('█').count();
    let longest = lines.iter().max_by_key(|line| bar(line)).unwrap();
    assert!(longest.contains("select Archive") && bar(longest) > 5, "{lines:#?}");
    assert!(shown.screen.has_style);
}

#[test]
fn a_hang_is_watched_until_its_limit() {
    let server = Server::start(ended(Mode::Clear, "select Archive", vec![Step::Silence]));
    let plugin = timeline(&server, Mode::Clear).args(["--limit", "select:Archive=3s"]);
    let mut terminal = Terminal::begin(&plugin, sized(100));
    terminal.wait_until(|screen| running(screen).is_some_and(|line| line.contains("select Archive")));
    let shown = terminal.finish();
    check_left(&shown, 1);
    let hung = |picture: &Vec<String>| picture.iter().find(|line| is_running(line, "select Archive")).cloned();
    let hung: Vec<String> = shown.screen.pictures.iter().filter_map(hung).collect();
    let times: Vec<f64> = hung.iter().map(|line| seconds(line)).collect();
    assert!(times.is_sorted() && times.first() < times.last(), "it does not count up: {hung:#?}");
    for line in &hung {
        assert!(line.contains('▒') && line.ends_with("limit 3 s"), "{hung:#?}");
    }
    let lines = shown.screen.lines();
    let hung = lines.iter().find(|line| line.contains("select Archive")).unwrap();
    assert_eq!(mask(hung), "WARNING select Archive TIME █ timed out (its limit 3 s)", "{lines:#?}");
    assert!(seconds(hung) >= 3.0, "{lines:#?}");
    assert!(!lines.concat().contains('▒'), "{lines:#?}");
    let summary = "WARNING 127.0.0.1: select Archive timed out after 3.";
    assert!(lines.iter().any(|line| line.starts_with(summary)), "{lines:#?}");
}

#[test]
fn a_fresh_connection_that_hangs_is_watched_and_not_reported() {
    let lost = ended(Mode::Clear, "select INBOX", vec![Step::Close]);
    let server = Server::in_turn(vec![lost, vec![Step::Silence]]);
    let mut terminal = Terminal::begin(&timeline(&server, Mode::Clear), sized(100));
    let is_setting_up = |screen: &Screen| running(screen).is_some_and(|line| line.contains("reconnect"));
    terminal.wait_until(is_setting_up);
    let shown_limit = format!("limit {LIMIT} s");
    terminal.wait_until(|screen| running(screen).is_some_and(|line| line.ends_with(&shown_limit)));
    terminal.press_ctrl_c();
    let shown = terminal.finish();
    check_left(&shown, 2);
    assert!(!is_setting_up(&shown.screen) && !shown.screen.lines().concat().contains("reconnect"), "{shown:#?}");
}

#[test]
fn ctrl_c_in_a_hang_shows_the_report_and_the_cursor() {
    let server = Server::start(ended(Mode::Clear, "login", vec![Step::Silence]));
    let mut terminal = Terminal::begin(&timeline(&server, Mode::Clear), sized(80));
    terminal.wait_until(|screen| running(screen).is_some_and(|line| line.contains("login")));
    let pressed = Instant::now();
    terminal.press_ctrl_c();
    let shown = terminal.finish();
    assert!(pressed.elapsed() < AT_ONCE, "{shown:#?}");
    check_left(&shown, 2);
    let words = squeeze(&shown.screen.lines().join(" "));
    assert!(words.contains(&squeeze("CRITICAL 127.0.0.1: login failed: ended by SIGINT after")), "{shown:#?}");
    for phase in ["select INBOX", "select Archive", "logout"] {
        assert!(words.contains(&squeeze(&format!("not run {phase}"))), "{phase}: {shown:#?}");
    }
}

#[test]
fn who_stops_the_program_in_a_hang_has_a_cursor() {
    let server = Server::start(ended(Mode::Clear, "login", vec![Step::Silence]));
    let mut terminal = Terminal::begin(&timeline(&server, Mode::Clear), sized(80));
    // Ctrl-Z and Ctrl-\ leave all as it stands between two pictures.
    terminal.wait_until(|screen| running(screen).is_some() && screen.is_cursor_shown);
    terminal.press_ctrl_c();
    terminal.finish();
}

#[test]
fn the_cursor_comes_back_though_no_phase_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    let hangs = folder.path().join("hangs");
    let made = Command::new("mkfifo").arg(&hangs).status().expect("mkfifo is there");
    assert!(made.success());
    let plugin = Plugin::new(["-H", "127.0.0.1", "-p", "1", "-u", USER, "-t", "2", "-o", "timeline"])
        .env("TERM", "xterm")
        .arg("--password-file")
        .arg(&hangs);
    let shown = Terminal::begin(&plugin, sized(80)).finish();
    check_cursor(&shown);
    assert_eq!(shown.code, Some(3), "{shown:#?}");
}

#[test]
fn the_picture_follows_the_size_of_the_terminal() {
    let server = Server::start(ended(Mode::Clear, "select Archive", vec![Step::Silence]));
    for [from, to] in [[120, 44], [44, 120], [80, 39], [39, 40]] {
        let mut terminal = Terminal::begin(&timeline(&server, Mode::Clear).arg("-v"), sized(from));
        terminal.wait_until(|screen| running(screen).is_some_and(|line| line.contains("select Archive")));
        // Right behind a picture, so that none is in the making.
        terminal.wait_for_picture();
        terminal.resize(sized(to));
        for _ in 0..3 {
            terminal.wait_for_picture();
        }
        terminal.press_ctrl_c();
        let shown = terminal.finish();
        check_left(&shown, 2);
        let pictures = shown.screen.pictures.iter().rev().skip(1).take(2);
        for picture in pictures.chain([&shown.screen.lines()]) {
            for line in picture {
                assert!(line.width() <= usize::from(to), "{from} to {to}: {line}: {shown:#?}");
            }
            for once in ["OK resolve", "OK greeting", "OK select INBOX"] {
                let times = picture.iter().filter(|line| mask(line).starts_with(once)).count();
                assert_eq!(times, 1, "{from} to {to}, {once}: {shown:#?}");
            }
        }
    }
}

#[test]
fn a_picture_that_is_higher_than_the_terminal_shows_its_last_lines() {
    let names: Vec<String> = (10..40).map(|number| format!("box{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let plan = Plan::of_mailboxes(Mode::Clear, &names);
    let server = Server::start(replaced(&plan, "select box39", &[A_WHILE, tagged("OK done")]));
    let plugin = plugin(server.port, &plan).args(["-o", "timeline", "-t", LIMIT]).env("TERM", "xterm");
    let shown = Terminal::begin(&plugin, Size { columns: 80, lines: 10 }).finish();
    check_left(&shown, 0);
    let seen =
        |picture: &Vec<String>| picture.len() < 10 && picture.iter().any(|line| is_running(line, "select box39"));
    assert!(shown.screen.pictures.iter().any(seen), "{shown:#?}");
    for name in names {
        let title = format!("select {name} ");
        let lines = shown.screen.lines();
        assert_eq!(lines.iter().filter(|line| line.contains(&title) && line.contains('█')).count(), 1, "{lines:#?}");
    }
}

#[test]
fn no_color_takes_the_colour_alone() {
    let server = Server::start(replaced(Mode::Clear, "select Archive", &[A_WHILE, tagged("NO no")]));
    let coloured = Terminal::begin(&timeline(&server, Mode::Clear), sized(80)).finish();
    let plain = Terminal::begin(&timeline(&server, Mode::Clear).env("NO_COLOR", "1"), sized(80)).finish();
    assert!(coloured.screen.has_style && !plain.screen.has_style, "{plain:#?}");
    check_left(&plain, 2);
    assert!(plain.screen.pictures.len() > 1, "{plain:#?}");
    let masked = |shown: &Shown| shown.screen.lines().iter().map(|line| mask(line)).collect::<Vec<_>>();
    assert_eq!(masked(&plain)[..7], masked(&coloured)[..7]);
    // Only a value that is not empty counts (https://no-color.org).
    let empty = Terminal::begin(&timeline(&server, Mode::Clear).env("NO_COLOR", ""), sized(80)).finish();
    assert!(empty.screen.has_style, "{empty:#?}");
}

#[test]
fn without_a_terminal_it_is_plain_text_and_printed_once() {
    let reason = format!("NO [NOPERM] {}", "because of a rule ".repeat(20));
    let server = Server::start(replaced(Mode::Clear, "select Archive", &[A_WHILE, tagged(reason.trim())]));
    let piped = timeline(&server, Mode::Clear).run();
    assert_eq!((piped.code, piped.stderr.as_str()), (2, ""), "{piped:#?}");
    let dumb = |term: &str| Terminal::begin(&timeline(&server, Mode::Clear).env("TERM", term), sized(100)).finish();
    let masked = |text: &str| text.lines().take(7).map(mask).collect::<Vec<_>>();
    for shown in [dumb("dumb"), dumb("")] {
        assert_eq!(shown.code, Some(2), "{shown:#?}");
        let text = String::from_utf8(shown.bytes.clone()).unwrap().replace("\r\n", "\n");
        for text in [&text, &piped.stdout] {
            assert!(!text.contains(['\x1b', '\r', '▒']), "{text}");
            assert!(text.lines().all(|line| line.width() <= 100), "{text}");
            assert!(text.lines().any(|line| line.width() > 80), "the room is not used: {text}");
            assert_eq!(text.matches("greeting").count(), 1, "{text}");
        }
        assert_eq!(masked(&text), masked(&piped.stdout));
    }
}

#[test]
fn a_terminal_that_does_not_know_its_size_has_80_columns() {
    let reason = format!("NO [NOPERM] {}", "because of a rule ".repeat(12));
    let server = Server::start(replaced(Mode::Clear, "select Archive", &[A_WHILE, tagged(reason.trim())]));
    let unknown = Size { columns: 0, lines: 0 };
    let shown = Terminal::begin_unsized(&timeline(&server, Mode::Clear), unknown, sized(80)).finish();
    check_left(&shown, 2);
    let lines = shown.screen.lines();
    assert!(lines.iter().any(|line| line.width() > 60), "{lines:#?}");
}

#[test]
fn wide_and_combining_characters_keep_their_columns() {
    let names = ["INBOX", "台北/日本語", "Entwu\u{308}rfe", "plain-name"];
    // A long title is cut.
    let titles = ["select INBOX", "select 台北/", "select Entwu\u{308}r", "select plain-n"];
    let plan = Plan::of_mailboxes(Mode::Clear, &names);
    let last = [A_WHILE, tagged("OK done")];
    let server = Server::start(replaced(&plan, "select plain-name", &last));
    for columns in [40, 80, 200] {
        let plugin = plugin(server.port, &plan).args(["-o", "timeline", "-t", LIMIT]).env("TERM", "xterm");
        let shown = Terminal::begin(&plugin, sized(columns)).finish();
        check_left(&shown, 0);
        for picture in shown.screen.pictures.iter().chain([&shown.screen.lines()]) {
            // Each line has its title and then its duration, which ends at the same column.
            let line_of = |title: &&str| picture.iter().find(|line| line.contains(*title));
            let lines: Vec<&String> =
                titles.iter().filter_map(line_of).filter(|line| line.starts_with("OK ")).collect();
            let ends: Vec<usize> = lines.iter().filter_map(|line| end_of_duration(line)).collect();
            assert!(
                ends.len() == lines.len() && ends.windows(2).all(|pair| pair[0] == pair[1]),
                "{columns}: {picture:#?}"
            );
        }
        let lines = shown.screen.lines();
        assert!(titles.iter().all(|title| lines.iter().any(|line| line.contains(title))), "{columns}: {lines:#?}");
    }
}

#[test]
fn every_address_has_a_group_of_its_own() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let server = Server::start(replaced(Mode::Clear, "select Archive", &[A_WHILE, tagged("OK done")]));
    let port = server.port.to_string();
    let plugin = Plugin::new(["-H", "imap.example.org", "-p", &port, "-u", USER, "-o", "timeline", "-t", LIMIT])
        .args(Plan::from(Mode::Clear).options())
        .args(["--every-address"])
        .password(PASSWORD)
        .env("TERM", "xterm");
    // Nobody listens at the second one.
    let plugin = shim.answer(plugin, "127.0.0.9,127.0.0.1");
    let shown = Terminal::begin(&plugin, sized(100)).finish();
    check_left(&shown, 2);
    let finished = shown.screen.lines();
    let drawn =
        shown.screen.pictures.iter().find(|picture| picture.iter().any(|line| is_running(line, "select Archive")));
    for picture in [drawn.unwrap(), &finished] {
        let place = |text: &str| {
            let places: Vec<usize> = (0..picture.len()).filter(|place| picture[*place] == text).collect();
            assert_eq!(places.len(), 1, "{text}: {picture:#?}");
            places[0]
        };
        let (good, dead) = (place("127.0.0.1"), place("127.0.0.9"));
        assert!(good < dead, "{picture:#?}");
        let with = |text: &str| picture.iter().position(|line| line.contains(text)).unwrap();
        assert!(good < with("select INBOX") && with("select Archive") < dead, "{picture:#?}");
        assert!(
            picture[dead..].iter().any(|line| line.contains("connect") && line.contains("refused")),
            "{picture:#?}"
        );
    }
}

#[test]
fn the_exit_code_is_that_of_every_other_output() {
    for (steps, options, code) in [
        (well(Mode::Clear), "", 0),
        (replaced(Mode::Clear, "login", &[A_WHILE, tagged("OK done")]), "--warning login=0.01", 1),
        (replaced(Mode::Clear, "select Archive", &[tagged("NO no")]), "", 2),
        (replaced(Mode::Clear, "select Archive", &[tagged("NO no")]), "--exit-ok", 0),
        (well(Mode::Clear), "--no-such-option", 3),
    ] {
        let server = Server::start(steps);
        let plugin = timeline(&server, Mode::Clear).args(options.split_whitespace());
        let shown = Terminal::begin(&plugin, sized(80)).finish();
        assert_eq!(shown.code, Some(code), "{shown:#?}");
        let run = plugin.run();
        assert_eq!(run.code, code, "{options}: {run:#?}");
    }
}

#[test]
fn repeated_runs_have_a_line_each_and_a_table() {
    let server = Server::start(well(Mode::Clear));
    let plugin = || timeline(&server, Mode::Clear).args(["--repeat", "3", "--interval", "0"]);
    for columns in [39, 80, 200] {
        let shown = Terminal::begin(&plugin(), sized(columns)).finish();
        check_left(&shown, 0);
        check_table(&shown.screen.lines(), 3, 0);
    }
    let run = plugin().run();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    assert!(!run.stdout.contains('\x1b'), "{run:#?}");
    let lines: Vec<String> = run.stdout.lines().map(str::to_owned).collect();
    check_table(&lines, 3, 0);
    let head: Vec<&str> = lines.iter().find(|line| line.starts_with("3 runs")).unwrap().split_whitespace().collect();
    assert_eq!(head.join(" "), "3 runs failed minimum median 95 % maximum");
    for row in ["resolve", "connect", "greeting", "login", "select INBOX", "select Archive", "logout", "total"] {
        let line = lines.iter().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("{row}: {lines:#?}"));
        assert_eq!(mask(line), format!("{row} 0 TIME TIME TIME TIME"), "{lines:#?}");
    }
    assert_eq!(server.finish().connections, 12);
}

#[test]
fn ctrl_c_in_many_repeated_runs_shows_the_table_at_once() {
    // The third run hangs.
    let hung = ended(Mode::Clear, "login", vec![Step::Silence]);
    let server = Server::in_turn(vec![well(Mode::Clear), well(Mode::Clear), hung]);
    let folder = tempfile::tempdir().unwrap();
    let textfile = folder.path().join("imap.prom");
    let plugin =
        timeline(&server, Mode::Clear).args(["--repeat", "1000", "--interval", "0"]).arg("--textfile").arg(&textfile);
    let mut terminal = Terminal::begin(&plugin, sized(100));
    let is_hung = server
        .watch(|record| record.connections == 3 && record.commands().iter().filter(|c| *c == "LOGIN").count() == 3);
    terminal.wait_until(move |screen| is_hung() && run_lines(&screen.lines()) == 2);
    let pressed = Instant::now();
    terminal.press_ctrl_c();
    let shown = terminal.finish();
    assert!(pressed.elapsed() < AT_ONCE, "{shown:#?}");
    check_left(&shown, 0);
    check_table(&shown.screen.lines(), 2, 0);
    // The interrupted run is in no figure.
    let text = std::fs::read_to_string(&textfile).unwrap();
    let success = text.lines().find(|line| line.starts_with("imap_session_success{")).unwrap();
    assert!(success.ends_with(" 1"), "{text}");
}

#[test]
fn ctrl_c_in_a_pause_between_repeated_runs_shows_the_table_at_once() {
    let server = Server::start(well(Mode::Clear));
    let plugin = timeline(&server, Mode::Clear).args(["--repeat", "2", "--interval", "300"]);
    let mut terminal = Terminal::begin(&plugin, sized(100));
    terminal.wait_until(|screen| run_lines(&screen.lines()) == 1);
    terminal.press_ctrl_c();
    let shown = terminal.finish();
    check_left(&shown, 0);
    check_table(&shown.screen.lines(), 1, 0);
}

#[test]
fn a_first_run_that_is_interrupted_is_shown() {
    let server = Server::start(ended(Mode::Clear, "login", vec![Step::Silence]));
    let plugin = timeline(&server, Mode::Clear).args(["--repeat", "5"]);
    let run = plugin.signals(&["INT"], server.watch(|record| record.contains("LOGIN"))).run();
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stdout.contains("ended by SIGINT"), "{run:#?}");
    check_table(&run.stdout.lines().map(str::to_owned).collect::<Vec<_>>(), 1, 1);
}

#[test]
fn the_worst_of_repeated_runs_gives_the_exit_code() {
    let refused = || {
        let script = vec![send(GREETING), expect("LOGIN"), tagged("NO [AUTHENTICATIONFAILED] no")];
        [script, leave()].concat()
    };
    for (scripts, options, code) in [
        (vec![well(Mode::Clear), refused(), well(Mode::Clear)], "", 2),
        (vec![refused(), well(Mode::Clear), well(Mode::Clear)], "", 2),
        (vec![well(Mode::Clear), well(Mode::Clear), refused()], "--exit-ok", 0),
    ] {
        let server = Server::in_turn(scripts);
        let options = options.split_whitespace();
        let run = timeline(&server, Mode::Clear).args(["--repeat", "3", "--interval", "0"]).args(options).run();
        assert_eq!(run.code, code, "{run:#?}");
        let lines: Vec<String> = run.stdout.lines().map(str::to_owned).collect();
        check_table(&lines, 3, 0);
        let login = lines.iter().find(|line| line.starts_with("login")).unwrap();
        assert_eq!(mask(login), "login 1 TIME TIME TIME TIME", "{run:#?}");
        assert_eq!(lines.iter().filter(|line| line.starts_with("CRITICAL")).count(), 1, "{run:#?}");
    }
}

#[test]
fn repeated_runs_in_json_have_a_line_each() {
    let server = Server::start(well(Mode::Clear));
    let run = repeated(&server, "-o json --repeat 2 --interval 0").run();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    let runs: Vec<Value> = run.stdout.split_inclusive('\n').map(read).collect();
    assert_eq!(runs.len(), 2, "{run:#?}");
    for json in &runs {
        assert_eq!(json["phases"].as_array().unwrap().len(), 7, "{run:#?}");
    }
}

#[test]
fn an_output_for_a_daemon_is_not_repeated() {
    let server = Server::start(well(Mode::Clear));
    for (options, why) in [
        ("--repeat 2", "--repeat: the output nagios reports one run"),
        ("-o nagios --repeat 2", "--repeat: the output nagios reports one run"),
        ("-o prometheus --repeat 2", "--repeat: the output prometheus reports one run"),
        ("--interval 2", "--interval: there is no pause in one run"),
        ("-o timeline --interval 2", "--interval: there is no pause in one run"),
        ("-o timeline --repeat 0", "--repeat"),
        ("-o timeline --repeat 2 --interval x", "--interval"),
    ] {
        let run: Run = repeated(&server, options).run();
        assert_eq!((run.code, run.stderr.as_str()), (3, ""), "{options}: {run:#?}");
        assert_eq!(run.stdout.lines().count(), 1, "{options}: {run:#?}");
        assert!(run.stdout.contains(why), "{options}: {run:#?}");
    }
    assert_eq!(server.look().connections, 0);
}

#[test]
fn a_password_from_standard_input_is_kept_for_all_runs() {
    let server = Server::start(well(Mode::Clear));
    let plugin = Plugin::new(["-H", "127.0.0.1", "-p", &server.port.to_string(), "-u", USER])
        .args(Plan::from(Mode::Clear).options())
        .args(["-o", "timeline", "--repeat", "3", "--interval", "0", "--password-file", "-"])
        .stdin(format!("{PASSWORD}\n"));
    let run = plugin.run();
    assert_eq!(run.code, 0, "{run:#?}");
    let record = server.finish();
    let logins = record.lines().into_iter().filter(|line| line.contains("LOGIN") && line.contains(PASSWORD)).count();
    assert_eq!(logins, 3, "{record:#?}");
}

fn sized(columns: u16) -> Size {
    Size { columns, lines: 60 }
}

/// The usual plan with the view.
fn timeline(server: &Server, mode: Mode) -> Plugin {
    plugin(server.port, mode).args(["-o", "timeline", "-t", LIMIT]).env("TERM", "xterm")
}

fn repeated(server: &Server, options: &str) -> Plugin {
    plugin(server.port, Mode::Clear).args(options.split_whitespace())
}

/// What holds for every run on a terminal.
fn check_left(shown: &Shown, code: i32) {
    assert_eq!(shown.code, Some(code), "{shown:#?}");
    assert!(shown.screen.too_wide.is_empty(), "{shown:#?}");
    check_cursor(shown);
    let text = String::from_utf8(shown.bytes.clone()).unwrap();
    assert!(!text.contains(PASSWORD), "{shown:#?}");
    assert!(text.ends_with('\n'), "{shown:#?}");
    assert_eq!(running(&shown.screen), None, "{shown:#?}");
}

fn check_cursor(shown: &Shown) {
    let text = String::from_utf8(shown.bytes.clone()).unwrap();
    assert!(text.rfind(HIDE_CURSOR) <= text.rfind(SHOW_CURSOR), "{shown:#?}");
    assert!(shown.screen.is_cursor_shown, "{shown:#?}");
}

/// The line of the phase that runs.
fn running(screen: &Screen) -> Option<String> {
    screen.lines().into_iter().find(|line| line.starts_with("... "))
}

fn is_running(line: &str, phase: &str) -> bool {
    line.starts_with("... ") && line.contains(phase)
}

/// A line per run and, behind an empty line, the table.
fn check_table(lines: &[String], runs: usize, failed_logins: usize) {
    assert_eq!(run_lines(lines), runs, "{lines:#?}");
    let head = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    let place = lines.iter().position(|line| line.starts_with(&head)).unwrap_or_else(|| panic!("{head}: {lines:#?}"));
    // The terminal shows the keys that were pressed.
    assert!(["", "^C"].contains(&lines[place - 1].as_str()), "{lines:#?}");
    for row in ["resolve", "connect", "greeting", "login", "select INBOX", "select Archive", "logout", "total"] {
        assert!(lines[place..].iter().any(|line| line.starts_with(row)), "{row}: {lines:#?}");
    }
    if failed_logins > 0 {
        let login = lines[place..].iter().find(|line| line.starts_with("login")).unwrap();
        assert_eq!(mask(login), format!("login {failed_logins}"), "{lines:#?}");
    }
}

/// How many runs have their line.
fn run_lines(lines: &[String]) -> usize {
    let is_run = |line: &&String| line.starts_with(['O', 'W', 'C', 'U']) && line.contains(" UTC ");
    lines.iter().filter(is_run).count()
}

/// Without spaces, in which lines may be broken.
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect()
}

/// `TIME` in place of a duration, one column of each bar, one space between words.
fn mask(line: &str) -> String {
    let mut masked: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        let is_number = |word: &&str| word.contains('.') && word.parse::<f64>().is_ok();
        match word {
            "ms" | "s" if masked.last().is_some_and(is_number) => *masked.last_mut().unwrap() = "TIME",
            _ if word.chars().all(|c| c == '█' || c == '▒') => masked.push("█"),
            _ => masked.push(word),
        }
    }
    masked.join(" ")
}

/// The duration of a phase's line.
fn seconds(line: &str) -> f64 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let found = words.windows(2).find_map(|pair| match pair {
        [number, "ms"] => Some(number.parse::<f64>().ok()? / 1000.0),
        [number, "s"] => number.parse().ok(),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no duration in {line}"))
}

/// The column behind the duration of a phase's line.
fn end_of_duration(line: &str) -> Option<usize> {
    let place = [" ms", " s"].iter().filter_map(|unit| {
        line.match_indices(unit)
            .map(|(place, _)| place + unit.len())
            .find(|end| line[*end..].starts_with(' ') || line.len() == *end)
    });
    place.min().map(|end| line[..end].width())
}
