//! The test kit itself: its grammar refuses what it should refuse, and its exchanges are good.
use std::collections::BTreeSet;
use std::time::Duration;

use check_imap_session::operation::{OPERATIONS, Operation};

use crate::case::{Case, check_all};
use crate::testkit::exchange::EXCHANGES;
use crate::testkit::invariants::{check_figures, read_lines};
use crate::testkit::labels::label;
use crate::testkit::nagios::Run;
use crate::testkit::plan::{MODES, Plan};
use crate::testkit::screen::{Screen, Size};
use crate::testkit::well_behaved::in_any_order;

#[test]
fn every_operation_of_the_program_has_one_good_exchange_with_its_figures() {
    let have: Vec<&str> = EXCHANGES.iter().map(|row| row.operation).collect();
    assert_eq!(have.iter().collect::<BTreeSet<_>>().len(), have.len(), "an exchange is there twice: {have:?}");
    for Operation { name, figures, .. } in OPERATIONS {
        let row = EXCHANGES.iter().find(|row| row.operation == *name);
        let row = row.unwrap_or_else(|| panic!("{name} has no row in tests/testkit/exchange.rs"));
        let yields: BTreeSet<&str> = row.figures.iter().map(|(figure, _)| *figure).collect();
        let wanted: BTreeSet<&str> = figures.iter().map(|figure| figure.name).collect();
        assert_eq!(yields, wanted, "figures of {name} in tests/testkit/exchange.rs");
    }
    for name in have {
        assert!(Operation::find(name).is_some(), "{name} is no operation of the program");
    }
}

#[test]
fn every_operation_is_performed_by_a_server_that_behaves_well() {
    let cases = MODES.map(|mode| {
        let plan = Plan::of_every_operation(mode);
        let case = Case::new("all is well", &plan, in_any_order(&plan)).gives(0, "login 0.");
        case.also(move |run, _| {
            for line in read_lines(&plan, run).unwrap_or_default() {
                assert_eq!(line.outcome(), "ok", "{}: {}", line.phase.name(), line.text);
            }
            for phase in plan.phases() {
                check_figures(&phase, run);
            }
        })
    });
    check_all(cases.into());
}

#[test]
fn the_grammar_refuses_what_consumers_cannot_read() {
    let days = label("tls", "", "cert_days");
    let sound = &format!(
        "IMAP is OK: h: login 0.001 s|login=0.001s;;;0;8 select_Entwürfe=0.1s total=0.2s;2;~:3;0;8 login_ok=1;;;0;1 \
         timed_out=0 {days}=-3.5\n"
    );
    let run = |stdout: &str| Run {
        code: 0,
        stdout: stdout.to_owned(),
        stderr: String::new(),
        elapsed: Duration::ZERO,
        peak_kib: 0,
    };
    run(sound).check_sound();
    assert_eq!(run(sound).figure("tls", "", "cert_days"), Some(-3.5));
    assert_eq!(run(sound).item("total").unwrap().critical, "~:3");
    for (part, fault) in [
        ("OK", "WARNING"),
        ("h: ", "h| "),
        ("h: ", "h\u{1b}: "),
        ("0.001s", "1e-3s"),
        ("0.001s", "0.0000001s"),
        ("0.001s", "0,001s"),
        ("0.001s", "NaNs"),
        ("|login=", "|'login'="),
        ("|login=", "|lo gin="),
        ("|login=", "|total="),
        ("timed_out=0 ", ""),
        (";8 ", ";8  "),
        (";8 ", ";8;9 "),
        (";8 ", ";x "),
        ("3.5\n", "3.5"),
        ("3.5\n", "3.5\na | b\n"),
        ("3.5\n", "3.5\n\n[OK] x\n"),
    ] {
        let broken = sound.replacen(part, fault, 1);
        assert!(broken != *sound && run(&broken).soundness().is_err(), "accepted: {broken}");
    }
    let noisy = Run { stderr: "warning".to_owned(), ..run(sound) };
    assert!(noisy.soundness().is_err());
}

#[test]
fn the_screen_writes_over_what_stands_there() {
    let screen = show("ab\r\ncd\r\n\x1b[2Axy\r\n\x1b[K\r\n");
    assert_eq!(screen.lines(), ["xy"]);
    assert_eq!(show("abcd\r\nef\r\n\x1b[2A\x1b[J").lines(), [""; 0]);
    assert_eq!(show("台e\u{301}f\r\n").lines(), ["台e\u{301}f"]);
}

#[test]
fn the_screen_finds_lines_that_are_too_wide() {
    assert_eq!(show("abcd\r\nefgh").too_wide, [""; 0]);
    assert_eq!(show("abcde").lines(), ["abcd", "e"]);
    assert_eq!(show("abc台").too_wide, ["abc"]);
}

#[test]
#[should_panic(expected = "the last character of a full line is erased")]
fn the_screen_refuses_what_erases_the_last_character_in_xterm() {
    show("abcd\x1b[K");
}

#[test]
fn the_screen_breaks_its_lines_if_it_becomes_narrow() {
    let mut screen = show("abcd\r\nef\r\n");
    screen.resize(Size { columns: 3, lines: 5 });
    assert_eq!(screen.lines(), ["abc", "d", "ef"]);
    screen.read(b"\x1b[3Ax");
    assert_eq!(screen.lines()[0], "xbc");
}

#[test]
fn the_screen_waits_for_the_rest_of_a_sequence() {
    let mut screen = show("a");
    assert_eq!(screen.read(b"b\x1b[3"), 1);
    assert_eq!(screen.read(&"é".as_bytes()[..1]), 0);
}

fn show(text: &str) -> Screen {
    let mut screen = Screen::new(Size { columns: 4, lines: 5 });
    assert_eq!(screen.read(text.as_bytes()), text.len());
    screen
}
