//! Faults and oddities of servers, as scripts: each case has its phase, its state and its text,
//! and is held to the invariants of `case.rs`.
use std::time::Duration;

use crate::case::{Case, PASSWORD, USER, check_all, dripped, phases_of_all_modes, plugin, without_cr};
use crate::testkit::labels::expected;
use crate::testkit::plan::{GREETING, MODES, Mode, Plan};
use crate::testkit::plugin::Plugin;
use crate::testkit::server::Server;
use crate::testkit::step::{Step, drip, expect, leave, send, tagged};
use crate::testkit::well_behaved::{ended, is_last_expect, replaced, well};

#[test]
fn silence_is_ended_by_the_total_limit_in_every_phase() {
    held_to_limits(|_| vec![Step::Silence], "-t 2", "(total limit 2 s)");
}

#[test]
fn silence_is_ended_by_the_limit_of_the_phase() {
    held_to_limits(|_| vec![Step::Silence], "", "(its limit 0.5 s)");
}

#[test]
fn a_byte_now_and_then_keeps_no_limit_from_ending_a_phase() {
    held_to_limits(dripped, "-t 2", "(total limit 2 s)");
    held_to_limits(dripped, "", "(its limit 0.5 s)");
}

/// One case for each phase of each mode that ends in the fault; no args means the phase's own limit.
fn held_to_limits(fault: fn(&str) -> Vec<Step>, args: &str, said: &'static str) {
    let mut cases = Vec::new();
    for (mode, phase) in phases_of_all_modes() {
        let own = args.is_empty();
        let name = phase.name();
        // A limit of the first mailbox leaves time for the second, which this script cannot serve.
        if own && name == "select INBOX" {
            continue;
        }
        let args = if own { format!("--limit {}=500ms", phase.selector()) } else { args.to_owned() };
        let label = phase.label("time");
        let code = if phase.is_task { 1 } else { 2 };
        let case = Case::new("ended by a limit", mode, ended(mode, &name, fault(&name)))
            .args(&args)
            .gives(code, &format!("{name} timed out after "))
            .saying(said)
            .also(move |run, _| {
                let time = run.value(&label).expect("the time it was given");
                if own {
                    assert!((time - 0.5).abs() < 1e-9, "{label} took {time} s of 0.5");
                    assert_eq!(run.item(&label).unwrap().max, Some(0.5));
                    assert!(run.value("total").unwrap() < 5.0);
                } else {
                    let total = run.value("total").unwrap();
                    assert!(time > 0.0 && time <= 2.0, "{label} took {time} s of 2");
                    assert!(total >= 1.999, "total is {total} s");
                }
                let set_up = if phase.is_task { 1.0 } else { 0.0 };
                assert_eq!(run.value("login_ok"), Some(set_up));
            });
        cases.push(case);
    }
    check_all(cases);
}

#[test]
fn a_hung_second_mailbox_keeps_what_the_first_one_gave() {
    let script = ended(Mode::Clear, "select Archive", vec![Step::Silence]);
    let case = Case::new("second SELECT", Mode::Clear, script)
        .args("--limit select=500ms")
        .gives(1, "select Archive timed out after 0.500 s (its limit 0.5 s)")
        .saying("INBOX 0.")
        .also(|run, _| {
            assert_eq!(run.value("login_ok"), Some(1.0));
            assert_eq!(run.value("select_INBOX_ok"), Some(1.0));
            assert_eq!(run.value("select_Archive_ok"), Some(0.0));
            assert_eq!(run.figure("select", "INBOX", "messages"), Some(3.0));
            assert_eq!(run.figure("select", "Archive", "messages"), None);
            assert!(run.value("select_INBOX").is_some());
        });
    check_all(vec![case]);
}

#[test]
fn a_lost_connection_is_a_failure_of_the_phase_that_lost_it() {
    let mut cases = Vec::new();
    for (mode, phase) in phases_of_all_modes() {
        let phase = phase.name();
        let phase = phase.as_str();
        // A connection lost in one mailbox may cost the next ones a new one: another test's matter.
        if phase == "select INBOX" {
            continue;
        }
        let failed = format!("{phase} failed: ");
        for (name, fault, said) in [
            ("close", Step::Close, "closed"),
            ("half close", Step::HalfClose, "closed"),
            ("reset", Step::Reset, "reset"),
        ] {
            // What OpenSSL says of a torn handshake is its own.
            let said = if phase == "tls" { "" } else { said };
            let mut script = ended(mode, phase, vec![fault]);
            if name == "reset" {
                script.retain(|step| !is_last_expect(step, phase));
                match (mode, phase) {
                    // Behind a handshake there is no way to make one while the client is silent.
                    (Mode::Implicit, "greeting") => continue,
                    (_, "greeting") => script = vec![Step::Abandon],
                    _ => (),
                }
            }
            let case = Case::new(name, mode, script).args("-t 30");
            cases.push(case.gives(2, &failed).saying(said));
        }
        if phase != "tls" {
            let bye = vec![send("* BYE Too many connections\r\n"), Step::Close];
            let case = Case::new("BYE", mode, ended(mode, phase, bye));
            let said = "BYE Too many connections";
            cases.push(case.gives(2, &failed).saying(said));
        }
    }
    check_all(cases);
}

#[test]
fn a_no_a_bad_or_a_bye_is_reported_in_the_servers_words() {
    let mut cases = Vec::new();
    for mode in MODES {
        for greeting in ["* NO no service", "* BAD no service", "* BYE no service"] {
            let fault = vec![send(&format!("{greeting}\r\n")), Step::Silence];
            let case = Case::new(greeting, mode, ended(mode, "greeting", fault));
            let case = case.gives(2, "greeting failed: ");
            cases.push(case.saying(greeting.trim_start_matches("* ")));
        }
        for (phase, answer) in [
            ("login", "NO [AUTHENTICATIONFAILED] Authentication failed."),
            ("login", "BAD Error in IMAP command LOGIN"),
            ("select Archive", "NO [NONEXISTENT] No such mailbox"),
            ("select Archive", "BAD No such mailbox"),
        ] {
            // Advice is asked for only if the server has not listed its capabilities, as behind STARTTLS.
            let asks = phase == "login" && mode == Mode::Starttls;
            let asked = if asks { vec![expect("CAPABILITY"), tagged("OK")] } else { Vec::new() };
            let script = ended(mode, phase, [vec![tagged(answer)], asked, leave()].concat());
            let case = Case::new(answer, mode, script);
            cases.push(case.gives(2, &format!("{phase} failed: {}", answer.trim_end_matches('.'))));
        }
        for phase in ["login", "select Archive"] {
            let fault = vec![send("* BYE shutting down\r\n"), Step::Silence];
            let case = Case::new("BYE and no close", mode, ended(mode, phase, fault));
            cases.push(case.gives(2, &format!("{phase} failed: ")).saying("BYE shutting down"));
        }
        let refused = replaced(mode, "select INBOX", &[tagged("NO [NONEXISTENT] gone")]);
        let case = Case::new("one bad mailbox", mode, refused);
        cases.push(case.gives(2, "select INBOX failed: NO").also(|run, _| {
            assert_eq!(run.value("select_INBOX_ok"), Some(0.0));
            assert_eq!(run.value("select_Archive_ok"), Some(1.0));
            assert_eq!(run.figure("select", "Archive", "messages"), Some(172.0));
        }));
    }
    check_all(cases);
}

#[test]
fn what_real_servers_say_besides_does_no_harm() {
    let in_select = |extra: Vec<Step>| {
        let answer = vec![send("* 3 EXISTS\r\n"), tagged("OK done")];
        replaced(Mode::Clear, "select INBOX", &[extra, answer].concat())
    };
    let greeted = |text: &str| replaced(Mode::Clear, "greeting", &[send(text)]);
    let still_here = [send("* OK still here\r\n"), Step::Pause(Duration::from_millis(200))];
    let scripts = [
        ("nothing at all", well(Mode::Clear)),
        ("an untagged NO", in_select(vec![send("* NO [ALERT] Disk is 99% full\r\n")])),
        ("an untagged BAD", in_select(vec![send("* BAD hm\r\n")])),
        ("signs of life", in_select(vec![still_here; 3].concat())),
        (
            "unknown untagged data",
            in_select(vec![send(
                "* CAPABILITY IMAP4rev2 XYZZY\r\n* XFROB 1 (2 \"3\") {3}\r\n)\r\n x\r\n\
                 * VANISHED (EARLIER) 41,43:116\r\n* OK [XNEW {1}] text\r\n* 12\r\n",
            )]),
        ),
        (
            "flags in any form",
            in_select(vec![send(
                "* FLAGS (\\Answered $Forwarded Entw\u{fc}rfe ])\r\n* OK [PERMANENTFLAGS (\\*)]\r\n\
                 * OK [UIDVALIDITY 99999999999999]\r\n",
            )]),
        ),
        ("UTF-8 in human text", in_select(vec![send("* OK Entw\u{fc}rfe \u{2713}\r\n")])),
        ("a literal in untagged data", in_select(vec![send("* LIST () \"/\" {7}\r\nfoo bar\r\n")])),
        (
            "a literal at the end of a line too long to be kept",
            in_select(vec![send(&format!("* LIST (\\X) \"/\" {} {{12}}\r\na1 OK no end\r\n", "x".repeat(150_000)))]),
        ),
        ("an empty literal", in_select(vec![send("* LIST () \"/\" {0}\r\n\r\n")])),
        (
            "a literal that looks like the end",
            in_select(vec![Step::Answer(|tag| {
                let inside = format!("x\r\n{tag} NO forged\r\n* 99 EXISTS\r\n");
                let size = inside.len();
                format!("* 1 FETCH (ENVELOPE {{1}}\r\nx BODY[] {{{size}}}\r\n{inside})\r\n").into_bytes()
            })]),
        ),
        ("an answer in pieces", in_select(vec![drip("* OK in pieces\r\n", 5)])),
        (
            "a provisional greeting",
            greeted("* OK Waiting for authentication process to respond..\r\n* OK [CAPABILITY IMAP4rev1] ready\r\n"),
        ),
        ("UTF-8 in the greeting", greeted("* OK [CAPABILITY IMAP4rev1] Gr\u{fc}\u{df} Gott\r\n")),
        ("an answer without text", replaced(Mode::Clear, "login", &[tagged("OK")])),
        (
            "capabilities after LOGIN",
            replaced(
                Mode::Clear,
                "login",
                &[send("* CAPABILITY IMAP4rev1 IDLE\r\n"), tagged("OK [CAPABILITY IMAP4rev1 IDLE] Logged in")],
            ),
        ),
        ("lower case", replaced(Mode::Clear, "greeting", &[send("* ok [capability imap4rev1] ready\r\n")])),
        ("bare LF", without_cr(well(Mode::Clear))),
    ];
    let cases = scripts.into_iter().map(|(name, script)| {
        let case = Case::new(name, Mode::Clear, script).gives(0, "login 0.");
        case.also(|run, record| {
            assert_eq!(run.value("login_ok"), Some(1.0));
            assert_eq!(run.figure("select", "INBOX", "messages"), Some(3.0));
            assert_eq!(run.figure("select", "Archive", "messages"), Some(172.0));
            let logins = record.commands().iter().filter(|c| *c == "LOGIN").count();
            assert_eq!(logins, 1);
        })
    });
    check_all(cases.collect());
}

#[test]
fn a_late_real_greeting_follows_a_provisional_one() {
    let provisional = "* OK Waiting for authentication process to respond..\r\n";
    let greeting = vec![
        send(provisional),
        Step::Pause(Duration::from_millis(300)),
        send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Dovecot ready.\r\n"),
    ];
    let shut = vec![
        send(provisional),
        Step::Pause(Duration::from_millis(300)),
        send("* BYE Disconnected: Auth process broken\r\n"),
        Step::Close,
    ];
    let good = replaced(Mode::Implicit, "greeting", &greeting);
    let bad = ended(Mode::Implicit, "greeting", shut);
    check_all(vec![
        Case::new("then ready", Mode::Implicit, good).gives(0, "login 0."),
        Case::new("then BYE", Mode::Implicit, bad).gives(2, "").saying("BYE Disconnected: Auth process broken"),
    ]);
}

#[test]
fn under_tls_no_capability_is_asked_for() {
    let greetings = ["* OK\r\n", "* OK ready\r\n", "* OK [ALERT] [CAPABILITY X] ready\r\n"];
    let cases = greetings.map(|greeting| {
        let script = replaced(Mode::Implicit, "greeting", &[send(greeting)]);
        Case::new(greeting, Mode::Implicit, script).gives(0, "login 0.")
    });
    check_all(cases.into());
}

#[test]
fn a_preauthenticated_session_is_a_failed_login_because_nobody_checked_the_password() {
    let cases = [Mode::Clear, Mode::Implicit].map(|mode| {
        let mut script = replaced(mode, "greeting", &[send("* PREAUTH hello probe\r\n")]);
        let login = script.iter().position(|step| is_last_expect(step, "login")).unwrap();
        script.truncate(login);
        script.extend(leave());
        let case = Case::new("PREAUTH", mode, script).gives(2, "login failed: PREAUTH greeting");
        case.also(|_, record| assert!(!record.contains(PASSWORD) && !record.contains(USER)))
    });
    check_all(cases.into());
}

#[test]
fn something_that_is_not_imap_is_reported_as_such() {
    let cases = [
        "220 mail.example.org ESMTP Postfix",
        "HTTP/1.1 400 Bad Request",
        "+OK POP3 server ready",
        "a1 OK tagged before anything was asked",
        "* 23 EXISTS",
        "*",
        "",
    ]
    .map(|line| {
        let fault = vec![send(&format!("{line}\r\n")), Step::Silence];
        let case = Case::new(line, Mode::Clear, ended(Mode::Clear, "greeting", fault));
        let said = line.trim_start_matches("* ");
        let case = case.gives(2, "greeting failed: ").saying(said);
        case.also(|_, record| assert!(!record.contains(PASSWORD)))
    });
    check_all(cases.into());
}

#[test]
fn an_answer_to_another_command_logs_nobody_in() {
    let wrong = vec![send("zz99 OK done\r\n"), Step::Silence];
    let nothing = vec![send("OK done\r\n"), Step::Silence];
    let cases = [("a wrong tag", wrong), ("no tag", nothing)].map(|(name, fault)| {
        let case = Case::new(name, Mode::Clear, ended(Mode::Clear, "login", fault));
        let case = case.args("-t 2").gives(2, "login ");
        case.also(|run, _| assert_eq!(run.value("login_ok"), Some(0.0)))
    });
    check_all(cases.into());
}

#[test]
fn an_answer_that_comes_before_its_command_is_no_answer() {
    // The tag is learned from a good run, so that the forged answer carries the right one.
    let server = Server::start(well(Mode::Clear));
    plugin(server.port, Mode::Clear).run().check_sound();
    let lines = server.finish().lines();
    let login = lines.iter().find(|l| l.contains("LOGIN")).unwrap();
    let tag = login.split(' ').next().unwrap();

    let early = format!("{GREETING}{tag} OK welcome\r\n");
    let script = ended(Mode::Clear, "greeting", vec![send(&early), Step::Silence]);
    let case = Case::new("early answer", Mode::Clear, script).args("-t 2");
    check_all(vec![case.gives(2, "").also(|run, _| {
        assert_eq!(run.value("login_ok"), Some(0.0));
    })]);
}

#[test]
fn what_a_server_pours_out_is_bounded() {
    let flood = |bytes: Vec<u8>| vec![Step::Flood { bytes, at_most: 64 << 20 }, Step::Silence];
    let provisional = b"* OK Waiting for authentication process to respond..\r\n";
    let mut cases = Vec::new();
    for phase in ["greeting", "login", "select Archive"] {
        for (name, fault) in [
            ("lines", flood(provisional.repeat(200))),
            ("an endless line", flood(b"x".repeat(8192))),
            ("empty lines", flood(b"\r\n".repeat(4096))),
            (
                "a huge literal sent",
                [vec![send("* 1 FETCH (BODY[] {4000000000}\r\n")], flood(b"x".repeat(8192))].concat(),
            ),
        ] {
            let case = Case::new(name, Mode::Clear, ended(Mode::Clear, phase, fault));
            // An unoptimised plugin on a busy machine takes its time for a mebibyte.
            let case = case.args("-t 60").gives(2, &format!("{phase} failed: "));
            cases.push(case.also(|run, _| {
                let peak = run.peak_kib;
                assert!(peak < 16 * 1024, "{peak} KiB of memory");
            }));
        }
    }
    for (name, literal) in [
        ("a huge literal announced", "{4294967295}"),
        ("a literal beyond any number", "{99999999999999999999999}"),
        ("a literal without end", "{"),
        ("a negative literal", "{-1}"),
    ] {
        let fault = vec![send(&format!("* 1 FETCH (BODY[] {literal}\r\n")), Step::Silence];
        let case = Case::new(name, Mode::Clear, ended(Mode::Clear, "login", fault));
        cases.push(case.args("-t 2").gives(2, "login "));
    }
    let torrent = flood(b"\x16\x03\x03\x00\x01\x0e".repeat(1000));
    let script = ended(Mode::Implicit, "tls", torrent);
    cases.push(Case::new("a flood for a handshake", Mode::Implicit, script).gives(2, "tls failed"));
    check_all(cases);
}

#[test]
fn states_can_be_chosen_for_failures_and_time_outs() {
    let silent = |phase| ended(Mode::Clear, phase, vec![Step::Silence]);
    let refused = |phase| ended(Mode::Clear, phase, [vec![tagged("NO")], leave()].concat());
    let cases = [
        (silent("login"), "--limit login=300ms --on-timeout login=warning", 1, "login timed out"),
        (silent("login"), "--limit login=300ms --on-timeout warning", 1, "login timed out"),
        (silent("login"), "--limit login=300ms --on-failure login=warning", 2, "login timed out"),
        (silent("select Archive"), "--limit select=300ms --on-timeout select=critical", 2, "select Archive timed"),
        (silent("select Archive"), "--limit select=300ms --on-timeout ok --on-timeout select=unknown", 3, "select A"),
        (refused("login"), "--on-failure login=unknown", 3, "login failed: NO"),
        (refused("select Archive"), "--on-failure select=warning", 1, "select Archive failed: NO"),
        (refused("select Archive"), "--on-timeout select=ok", 2, "select Archive failed: NO"),
    ]
    .map(|(script, args, code, first)| Case::new(args, Mode::Clear, script).args(args).gives(code, first));
    check_all(cases.into());
}

#[test]
fn with_perfdata_u_the_labels_are_the_same_whatever_happens() {
    let labels = || expected(&Plan::from(Mode::Implicit)).into_iter().map(|expected| expected.label);
    let faults = ["tls", "greeting", "login", "select Archive"].map(|phase| {
        let script = ended(Mode::Implicit, phase, vec![Step::Close]);
        Case::new("closed", Mode::Implicit, script).gives(2, &format!("{phase} failed"))
    });
    let good = Case::new("all well", Mode::Implicit, well(Mode::Implicit)).gives(0, "login 0.");
    let cases = faults.into_iter().chain([good]).map(|case| {
        case.args("--perfdata-u").also(move |run, _| {
            assert_eq!(run.labels(), labels().collect::<Vec<_>>());
            let unknown = run.perfdata().iter().filter(|item| item.value.is_none()).count();
            assert_eq!(unknown == 0, run.code == 0, "values printed as U");
        })
    });
    check_all(cases.collect());
}

#[test]
fn names_and_texts_of_any_length_and_kind_stay_in_their_place() {
    let nasty = ["x", "x_ok", "x", "a|b", "c\nIMAP is OK: d", "e'f", "g=h i::j", "\u{1b}[31m", "\u{202e}k", "%l*"];
    let long = (0..60).map(|i| format!("{i}{}", "long name ".repeat(12))).collect::<Vec<_>>();
    for names in [nasty.map(str::to_owned).to_vec(), long] {
        for (answer, code) in [("OK done".to_owned(), 0), (format!("NO {}", "because ".repeat(100)), 2)] {
            let mut script = vec![send(GREETING), Step::Expect("LOGIN".to_owned()), tagged("OK done")];
            for _ in &names {
                script.extend([Step::Expect("SELECT".to_owned()), tagged(&answer)]);
            }
            script.extend(leave());
            let server = Server::start(script);
            let port = server.port.to_string();
            let mailboxes = names.iter().flat_map(|name| ["-m", name]);
            let run = Plugin::new(["-H", "127.0.0.1", "-p", &port, "--tls", "none", "-u", "a|b $c"])
                .args(mailboxes)
                .args(["-vvv"])
                .password(PASSWORD)
                .run();
            run.check_sound();
            assert_eq!(run.code, code, "{run:#?}");
            let flags = run.labels().iter().filter(|label| label.contains("_ok")).count();
            assert!(flags > names.len(), "a label is lost: {run:#?}");
            server.finish().check_expected();
        }
    }
}

#[test]
fn deep_nesting_overruns_no_stack() {
    let mut data = b"* 1 FETCH ".to_vec();
    data.resize(500_000, b'(');
    data.extend_from_slice(b"\r\n");
    let answer = vec![Step::Send(data), send("* 172 EXISTS\r\n"), tagged("OK done")];
    let server = Server::start(replaced(Mode::Clear, "select Archive", &answer));
    let run = plugin(server.port, Mode::Clear).run();
    run.check_sound();
    // Both are sound: data that the plugin never asked for, or garbage.
    assert!(run.code == 0 || run.code == 2, "{run:#?}");
    assert_eq!(run.value("select_INBOX_ok"), Some(1.0));
}

#[test]
fn no_text_of_a_server_adds_a_line_a_metric_or_a_control_character() {
    let nasty: [(&str, Vec<u8>, &str); 8] = [
        ("a bar", b"a|b=1;2".to_vec(), "a!b=1;2"),
        ("controls", b"a\x01\x08\x7f\tb".to_vec(), "b"),
        ("an escape", b"a \x1b[31mred\x1b[0m b".to_vec(), "red"),
        ("invalid UTF-8", b"caf\xe9 \xff\xfe noir".to_vec(), "noir"),
        ("CR inside", b"one\rtwo\r\rthree".to_vec(), "three"),
        ("C1 controls", "a\u{85}b\u{9b}c".into(), "c"),
        ("quotes", b"it's \"so\" `x` $HOME <b>".to_vec(), "it's"),
        ("a long text", b"x".repeat(10_000), "xxx"),
    ];
    let mut cases = Vec::new();
    for (name, text, said) in nasty {
        let line = |start: &[u8]| Step::Send([start, &text, b"\r\n"].concat());
        let faults = [
            ("greeting", vec![line(b"* BYE "), Step::Close]),
            ("greeting", vec![line(b""), Step::Close]),
            ("login", vec![line(b"* BYE "), Step::Close]),
            ("select Archive", vec![line(b"* BYE "), Step::Close]),
        ];
        for (phase, fault) in faults {
            let case = Case::new(name, Mode::Clear, ended(Mode::Clear, phase, fault));
            let case = case.gives(2, &format!("{phase} failed")).saying(said);
            cases.push(case.also(|run, _| {
                let longest = run.summary().split(|c| c != 'x').map(str::len).max();
                assert!(longest <= Some(200), "more than 200 characters");
            }));
        }
        for (phase, word) in [("login", "NO "), ("select Archive", "BAD ")] {
            let answer = Step::SendTagged([word.as_bytes(), &text].concat());
            let script = ended(Mode::Clear, phase, [vec![answer], leave()].concat());
            let case = Case::new(name, Mode::Clear, script);
            let first = format!("{phase} failed: {word}");
            cases.push(case.gives(2, &first).saying(said));
        }
        let greeting = [b"* OK ", text.as_slice(), b"\r\n"].concat();
        let script = replaced(Mode::Implicit, "greeting", &[Step::Send(greeting)]);
        cases.push(Case::new(name, Mode::Implicit, script).gives(0, "login 0."));
    }
    for phase in ["login", "select Archive"] {
        let script = ended(Mode::Clear, phase, [vec![tagged("NO")], leave()].concat());
        let case = Case::new("no text at all", Mode::Clear, script);
        cases.push(case.gives(2, &format!("{phase} failed: NO")));
    }
    check_all(cases);
}

#[test]
fn logout_never_changes_what_was_found() {
    let quiet = ended(Mode::Clear, "logout", vec![Step::Silence]);
    let scripts = [
        ("no answer", quiet),
        ("drip", ended(Mode::Clear, "logout", dripped("logout"))),
        ("BYE", ended(Mode::Clear, "logout", leave().split_off(1))),
        ("close", ended(Mode::Clear, "logout", vec![Step::Close])),
        ("NO", replaced(Mode::Clear, "logout", &[tagged("NO")])),
        ("BYE alone", ended(Mode::Clear, "logout", vec![send("* BYE bye\r\n"), Step::Close])),
    ];
    let cases = scripts.map(|(name, script)| {
        let waits = name == "no answer" || name == "drip";
        let case = Case::new(name, Mode::Clear, script).gives(0, "login 0.");
        case.also(move |run, record| {
            let total = run.value("total").unwrap();
            let beyond = run.elapsed.as_secs_f64() - total;
            assert!(!waits || beyond > 0.5, "total {total} s has the wait in it");
            assert!(beyond < 5.0, "ends {beyond} s after the verdict");
            assert_eq!(record.commands().last().unwrap(), "LOGOUT");
        })
    });
    check_all(cases.into());
}

#[test]
fn a_whole_session_costs_five_client_turns() {
    for greeting in [GREETING, "* OK ready\r\n"] {
        let mut script = replaced(Mode::Implicit, "greeting", &[send(greeting)]);
        let archive = script.iter().position(|step| is_last_expect(step, "select Archive"));
        let archive = archive.unwrap();
        let logout = script.iter().position(|step| is_last_expect(step, "logout"));
        script.drain(archive..logout.unwrap());
        let server = Server::start(script);
        let port = server.port.to_string();
        let run = Plugin::new(["-H", "127.0.0.1", "-p", &port, "-u", USER, "--ca-file"])
            .arg(server.ca_file())
            .password(PASSWORD)
            .run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        let record = server.finish();
        record.check_expected();
        assert_eq!(record.commands(), ["LOGIN", "SELECT", "LOGOUT"]);
        // ClientHello, Finished, LOGIN, SELECT, LOGOUT.
        assert_eq!((record.connections, record.turns), (1, 5));
    }
}

#[test]
fn verbose_output_has_address_tls_and_decisions_but_no_secret() {
    let server = Server::start(well(Mode::Implicit));
    let run = |verbosity: &str| {
        let run = plugin(server.port, Mode::Implicit)
            .args(["--ca-file".as_ref(), server.ca_file().as_os_str()])
            .arg(verbosity)
            .run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        assert!(!run.stdout.contains(PASSWORD), "{run:#?}");
        run
    };
    let one = run("-v");
    for said in ["[OK] login: ", "127.0.0.1", "TLSv1.", "172"] {
        assert!(one.long_text().join("\n").contains(said), "{said}: {one:#?}");
    }
    let (two, three) = (run("-vv"), run("-vvv"));
    assert!(two.long_text().len() > one.long_text().len());
    assert!(three.long_text().len() > two.long_text().len());
    assert!(three.stdout.contains("***") && three.stdout.contains("SELECT"));
}

#[test]
fn a_warning_right_behind_the_greeting_is_no_second_greeting() {
    let greeting = format!("{GREETING}* NO [ALERT] disk nearly full\r\n");
    let script = replaced(Mode::Clear, "greeting", &[send(&greeting)]);
    check_all(vec![Case::new("NO behind the greeting", Mode::Clear, script).gives(0, "login ")]);
}
