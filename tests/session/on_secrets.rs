//! What a password may and may not do: leave in clear, fit in quotes, come back, be printed.
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::case::{Case, PASSWORD, USER, check_all, plugin, skip_host};
use crate::testkit::plan::Mode;
use crate::testkit::plugin::Plugin;
use crate::testkit::server::{Server, contains};
use crate::testkit::step::{Step, expect, leave, send, tagged};
use crate::testkit::well_behaved::{ended, is_last_expect, replaced, well};

#[test]
fn a_server_that_disables_login_in_clear_gets_no_password() {
    let in_greeting = ended(
        Mode::Clear,
        "greeting",
        [vec![send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n")], leave()].concat(),
    );
    let asked = vec![
        send("* OK hi\r\n"),
        Step::Expect("CAPABILITY".to_owned()),
        send("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n"),
        tagged("OK done"),
    ];
    let when_asked = ended(Mode::Clear, "greeting", [asked, leave()].concat());
    let in_the_reply = vec![
        send("* OK hi\r\n"),
        Step::Expect("CAPABILITY".to_owned()),
        tagged("OK [CAPABILITY IMAP4rev1 LOGINDISABLED] done"),
    ];
    let behind = "* OK [CAPABILITY IMAP4rev1] hi\r\n* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n";
    let before_another = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n* OK [ALERT] maintenance at ten\r\n";
    let greets = |text| ended(Mode::Clear, "greeting", [vec![send(text)], leave()].concat());
    let scripts = [
        ("in the greeting", in_greeting),
        ("when asked", when_asked),
        ("in the tagged reply", ended(Mode::Clear, "greeting", [in_the_reply, leave()].concat())),
        ("behind the greeting", greets(behind)),
        ("before another greeting", greets(before_another)),
    ];
    let cases = scripts.map(|(name, script)| {
        let case = Case::new(name, Mode::Clear, script).gives(2, "login failed: ");
        case.saying("LOGINDISABLED").also(|_, record| {
            assert!(!record.contains(PASSWORD));
            assert!(!record.commands().contains(&"LOGIN".to_owned()));
        })
    });
    check_all(cases.into());
}

#[test]
fn a_password_that_fits_no_quotes_travels_as_a_literal() {
    for password in [
        &b"with\"quote"[..],
        b"back\\slash",
        "p\u{e4}ssw\u{f6}rd".as_bytes(),
        b"latin1 \xe4",
        b"all \"of\\ it\" \xff{5} ",
    ] {
        for (capability, plus) in [("IMAP4rev1", ""), ("IMAP4rev1 LITERAL+", "+")] {
            let mut login = vec![Step::Expect(format!(" {{{}{plus}}}", password.len()))];
            if plus.is_empty() {
                login.extend([send("+ go on\r\n"), Step::Expect(String::new())]);
            }
            let greeting = format!("* OK [CAPABILITY {capability}] hi\r\n");
            let mut script = replaced(Mode::Clear, "greeting", &[send(&greeting)]);
            let place = script.iter().position(|step| is_last_expect(step, "login"));
            let place = place.unwrap();
            script.splice(place..=place, login);

            let server = Server::start(script);
            let plugin = plugin(server.port, Mode::Clear);
            let run = plugin.password(OsString::from_vec(password.to_vec())).run();
            run.check_sound();
            let record = server.finish();
            let name = String::from_utf8_lossy(password);
            record.check_expected();
            assert_eq!(run.code, 0, "{name}: {run:#?}");
            let sent = [password, b"\r\n"].concat();
            let arrived = contains(&record.bytes, &sent);
            assert!(arrived, "{name} arrived as {:?}", record.lines());
        }
    }
}

#[test]
fn a_server_that_takes_no_literal_gets_the_password_as_a_quoted_string() {
    for refusal in ["NO literals are off", "BAD literals are off"] {
        let again = |answer: &str| {
            vec![tagged(refusal), expect(r#"LOGIN "probe@example.org" "with\"quote\\""#), tagged(answer)]
        };
        let server = Server::start(replaced(Mode::Clear, "login", &again("OK in")));
        let run = plugin(server.port, Mode::Clear).password(r#"with"quote\"#).arg("-vvv").run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        assert!(
            run.stdout.contains(r#"LOGIN "probe@example.org" {11}"#)
                && run.stdout.contains(r#"LOGIN "probe@example.org" ***"#),
            "{run:#?}"
        );
        server.finish().check_expected();

        let refused = [again("NO wrong password"), leave()].concat();
        let server = Server::start(ended(Mode::Clear, "login", refused));
        let run = plugin(server.port, Mode::Clear).password(r#"with"quote\"#).run();
        let reason = format!("login failed: NO wrong password (it refused a literal before: {refusal})");
        assert!(run.code == 2 && skip_host(&run).starts_with(&reason), "{run:#?}");
        server.finish().check_expected();
    }
}

#[test]
fn a_password_that_only_a_literal_can_hold_is_not_sent_to_a_server_that_takes_none() {
    let server = Server::start(ended(Mode::Clear, "login", [vec![tagged("NO literals are off")], leave()].concat()));
    let run = plugin(server.port, Mode::Clear).password("größe").run();
    assert_eq!(run.check_sound().code, 2, "{run:#?}");
    let reason =
        "login failed: NO literals are off (the server refused a literal, and only a literal can hold this text)";
    assert!(skip_host(&run).starts_with(reason), "{run:#?}");
    assert!(!server.finish().contains("größe"));
}

#[test]
fn a_password_from_standard_input_is_its_first_line() {
    let server = Server::start(well(Mode::Clear));
    let port = server.port.to_string();
    let run = Plugin::new(["-H", "127.0.0.1", "-p", &port, "--tls", "none", "-u", USER])
        .args(["-m", "INBOX", "-m", "Archive", "--password-file", "-"])
        .stdin("first line\r\nsecond line\n")
        .run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    let record = server.finish();
    assert!(record.contains("\"first line\"\r\n"), "{record:?}");
    assert!(!record.contains("second"));
}

#[test]
fn a_server_that_repeats_the_password_finds_no_echo_in_the_output() {
    let plain = BASE64_STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
    let alone = BASE64_STANDARD.encode(PASSWORD);
    let mut cases = Vec::new();
    for secret in [PASSWORD, plain.as_str(), alone.as_str()] {
        for (phase, start) in [
            ("login", "NO wrong password: "),
            ("login", "NO "),
            ("login", "BAD LOGIN probe@example.org \""),
            ("select Archive", "NO [X] "),
        ] {
            let answer = vec![tagged(&format!("{start}{secret}\" end"))];
            let script = ended(Mode::Clear, phase, [answer, leave()].concat());
            let case = Case::new("echo", Mode::Clear, script);
            cases.push(case.gives(2, &format!("{phase} failed")).saying("end"));
        }
        let bye = vec![send(&format!("* BYE {secret}\r\n")), Step::Close];
        let script = ended(Mode::Clear, "login", bye);
        cases.push(Case::new("echo in BYE", Mode::Clear, script).gives(2, "login failed"));
        let untagged = vec![send(&format!("* OK {secret}\r\n")), tagged("OK done")];
        let script = replaced(Mode::Clear, "login", &untagged);
        cases.push(Case::new("echo in OK", Mode::Clear, script).gives(0, "login 0."));
    }
    check_all(cases);
}

#[test]
fn no_form_of_an_awkward_password_comes_back_either() {
    let password = "p|a\"s\\s w\u{f6}rd";
    let echo = "NO a p|a\"s\\s w\u{f6}rd b p|a\\\"s\\\\s w\u{f6}rd c";
    for filler in [0, 150, 170, 180, 185, 190, 195] {
        let echo = format!("NO {}{echo}", "x".repeat(filler));
        let script = ended(Mode::Clear, "login", [vec![tagged(&echo)], leave()].concat());
        // The name and the password travel as literals where they must.
        let mut login = vec![Step::Expect("LOGIN".to_owned()), send("+ go on\r\n"), Step::Expect(String::new())];
        let place = script.iter().position(|step| is_last_expect(step, "login")).unwrap();
        let mut script = script;
        script.splice(place..=place, login.drain(..));
        let server = Server::start(script);
        let run = plugin(server.port, Mode::Clear).password(password).arg("-vvv").run();
        run.check_sound();
        server.finish().check_expected();
        assert!(run.stdout.contains("login failed: NO"), "{run:#?}");
        for part in ["a\"s", "s\\", "w\u{f6}", "p!a", "p|a"] {
            assert!(!run.stdout.contains(part), "{part} of the password is in the output: {run:#?}");
        }
    }
}

#[test]
fn starttls_that_is_not_what_it_should_be_lets_no_password_out() {
    let mode = Mode::Starttls;
    let injected = |text: fn(&str) -> Vec<u8>| replaced(mode, "starttls", &[Step::Answer(text)]);
    let not_offered = vec![send("* OK [CAPABILITY IMAP4rev1] ready\r\n")];
    let preauth = "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n";
    let scripts = [
        (
            "refused by NO",
            ended(mode, "starttls", [vec![tagged("NO not today")], leave()].concat()),
            "starttls failed: NO not today",
        ),
        (
            "refused by BAD",
            ended(mode, "starttls", [vec![tagged("BAD what")], leave()].concat()),
            "starttls failed: BAD what",
        ),
        (
            "not offered",
            ended(mode, "starttls", [vec![tagged("BAD unknown command")], leave()].concat()),
            "starttls failed: ",
        ),
        ("not even said to be offered", ended(mode, "greeting", [not_offered, leave()].concat()), "starttls failed: "),
        (
            "untagged text behind the answer",
            injected(|tag| format!("{tag} OK go\r\n* OK injected\r\n").into_bytes()),
            "tls failed: ",
        ),
        (
            "tagged text behind the answer",
            injected(|tag| format!("{tag} OK go\r\na2 OK injected\r\n").into_bytes()),
            "tls failed: ",
        ),
        ("half a line behind the answer", injected(|tag| format!("{tag} OK go\r\n*").into_bytes()), "tls failed: "),
        (
            "text before the handshake",
            replaced(
                mode,
                "starttls",
                &[tagged("OK go"), Step::Pause(Duration::from_millis(50)), send("* OK late\r\n")],
            ),
            "tls failed: ",
        ),
        ("PREAUTH", replaced(mode, "greeting", &[send(preauth)]), "PREAUTH"),
    ];
    let cases = scripts.map(|(name, script, said)| {
        let case = Case::new(name, mode, script).gives(2, "").saying(said);
        case.also(|run, record| {
            assert!(run.summary().contains("failed"));
            assert!(!record.contains(PASSWORD) && !record.contains("LOGIN"));
        })
    });
    check_all(cases.into());
}

#[test]
fn a_certificate_that_nobody_vouches_for_gets_no_password() {
    for mode in ["implicit", "starttls"] {
        let script = match mode {
            "implicit" => well(Mode::Implicit),
            _ => well(Mode::Starttls),
        };
        let server = Server::start(script);
        let port = server.port.to_string();
        let run = Plugin::new(["-H", "127.0.0.1", "-p", &port, "--tls", mode, "-u", USER]).password(PASSWORD).run();
        assert_eq!(run.check_sound().code, 2, "{run:#?}");
        assert!(skip_host(&run).starts_with("tls failed: "), "{run:#?}");
        assert!(!server.finish().contains("LOGIN"));
    }
}

#[test]
fn a_megabyte_that_masking_makes_longer_costs_no_memory() {
    let greeting = [b"* OK ".to_vec(), b"a".repeat(1_000_000)].concat();
    let script = ended(Mode::Implicit, "greeting", vec![Step::Send(greeting), Step::Close]);
    let server = Server::start(script);
    let run = plugin(server.port, Mode::Implicit).args(["-t", "20", "--no-verify"]).password("a").run();
    run.check_sound();
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.summary().contains("***"), "{run:#?}");
    assert!(run.peak_kib < 16 * 1024, "{run:#?}");
}
