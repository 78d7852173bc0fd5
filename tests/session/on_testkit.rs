//! The test kit itself: its grammar refuses what it should refuse.
use std::time::Duration;

use crate::testkit::nagios::Run;

#[test]
fn the_grammar_refuses_what_consumers_cannot_read() {
    let sound = "IMAP is OK: h: login 0.001 s|'login'=0.001s;;;0;8 'select_Entwürfe'=0.1s \
                 'total'=0.2s;2;~:3;0;8 'login_ok'=1;;;0;1 'timed_out'=0 'cert_days'=-3.5\n";
    let run = |stdout: &str| Run {
        code: 0,
        stdout: stdout.to_owned(),
        stderr: String::new(),
        elapsed: Duration::ZERO,
        peak_kib: 0,
    };
    run(sound).check_sound();
    assert_eq!(run(sound).value("cert_days"), Some(-3.5));
    assert_eq!(run(sound).item("total").unwrap().critical, "~:3");
    for (part, fault) in [
        ("OK", "WARNING"),
        ("h: ", "h| "),
        ("h: ", "h\u{1b}: "),
        ("0.001s", "1e-3s"),
        ("0.001s", "0.0000001s"),
        ("0.001s", "0,001s"),
        ("0.001s", "NaNs"),
        ("'login'", "login"),
        ("'login'", "'lo gin'"),
        ("'login'", "'total'"),
        ("'timed_out'=0 ", ""),
        (";8 ", ";8  "),
        (";8 ", ";8;9 "),
        (";8 ", ";x "),
        ("3.5\n", "3.5"),
        ("3.5\n", "3.5\na | b\n"),
        ("3.5\n", "3.5\n\n[OK] x\n"),
    ] {
        let broken = sound.replacen(part, fault, 1);
        assert!(run(&broken).soundness().is_err(), "accepted: {broken}");
    }
    let noisy = Run { stderr: "warning".to_owned(), ..run(sound) };
    assert!(noisy.soundness().is_err());
}
