//! What a server says beside its replies: alerts, warnings, response codes, its last words before a limit or a loss, and what
//! else it offers once it has refused a login.

use serde_json::Value;

use crate::case::{Case, check_all, plugin, skip_host};
use crate::testkit::json;
use crate::testkit::plan::{Mode, Plan};
use crate::testkit::plugin::Run;
use crate::testkit::server::Server;
use crate::testkit::step::{Step, expect, leave, send, tagged};
use crate::testkit::well_behaved::{ended, replaced};

/// A run against a server that plays this.
fn play(script: Vec<Step>, args: &str) -> Run {
    let server = Server::start(script);
    let run = plugin(server.port, Mode::Clear).args(args.split_whitespace()).run();
    server.finish().check_expected();
    run
}

fn play_json(script: Vec<Step>, args: &str) -> (Run, Value) {
    let run = play(script, &format!("{args} -o json"));
    let json = json::read(&run.stdout);
    (run, json)
}

/// A session whose SELECTs come next, with a server that lists no extension.
fn log_in() -> Vec<Step> {
    let mut script = replaced(Mode::Clear, "greeting", &[send("* OK [CAPABILITY IMAP4rev1] ready\r\n")]);
    let first = script.iter().position(|step| matches!(step, Step::Expect(text) if text.starts_with("SELECT")));
    script.truncate(first.unwrap());
    script
}

fn in_login(extra: &str, reply: &str) -> Vec<Step> {
    replaced(Mode::Clear, "login", &[send(&format!("{extra}\r\n")), tagged(reply)])
}

fn in_select(extra: &str, reply: &str) -> Vec<Step> {
    let lines = format!("{extra}\r\n* 3 EXISTS\r\n");
    replaced(Mode::Clear, "select INBOX", &[send(&lines), tagged(reply)])
}

#[test]
fn an_alert_is_in_line_1_although_all_is_well() {
    let script = || in_login("* OK [ALERT] over quota", "OK in [THROTTLED]");
    let run = play(script(), "");
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    assert!(run.summary().ends_with(", alert of the server: over quota"), "{run:#?}");
    let run = play(script(), "-v");
    let line = run.phase_line("login").unwrap();
    assert!(line.ends_with("s, alert of the server: over quota, the server said OK in [THROTTLED]"), "{line}");
    let (_, json) = play_json(script(), "");
    let login = json::phase(&json, "login");
    assert_eq!(login["alerts"], serde_json::json!(["over quota"]));
    assert_eq!(login["note"], "the server said OK in [THROTTLED]");
    for (state, code) in [("warning", 1), ("critical", 2), ("UNKNOWN", 3), ("ok", 0)] {
        let run = play(script(), &format!("--on-alert {state}"));
        assert_eq!(run.check_sound().code, code, "{run:#?}");
        assert_eq!(run.summary().matches("over quota").count(), 1, "{run:#?}");
        assert_eq!(skip_host(&run).contains(" s (alert of the server: over quota)"), code != 0, "{run:#?}");
    }
}

#[test]
fn an_alert_is_shown_wherever_it_stands_and_once() {
    for line in ["* NO [ALERT] Disk is full", "* BAD [alert] Disk is full", "* OK [ALERT] Disk is full."] {
        let run = play(in_select(line, "OK done"), "");
        assert!(run.code == 0 && run.summary().ends_with(", alert of the server: Disk is full"), "{run:#?}");
    }
    for reply in ["OK [ALERT] Disk is full", "NO [ALERT] Disk is full"] {
        let run = play(in_select("* OK still here", reply), "");
        assert_eq!(run.summary().matches("Disk is full").count(), 1, "{run:#?}");
    }
    // The end of the session has no state of its own.
    let script = replaced(Mode::Clear, "logout", &[send("* BYE [ALERT] down at ten\r\n"), tagged("OK"), Step::Close]);
    let run = play(script, "--on-alert critical");
    assert!(run.code == 0 && run.summary().ends_with(", alert of the server: down at ten"), "{run:#?}");
}

#[test]
fn an_alert_in_a_refusal_has_its_state_and_is_said_once() {
    let script = || ended(Mode::Clear, "login", [vec![tagged("NO [ALERT] Log in by web.")], leave()].concat());
    let (run, json) = play_json(script(), "--on-failure ok --on-alert warning");
    assert_eq!(run.code, 1, "{run:#?}");
    assert_eq!(json::phase(&json, "login")["alerts"], serde_json::json!(["Log in by web"]));
    let refused = ended(Mode::Clear, "greeting", vec![send("* BYE [ALERT] Log in by web.\r\n"), Step::Close]);
    for (phase, script) in [("login", script()), ("greeting", refused)] {
        let run = play(script, "-v");
        assert_eq!(run.summary().matches("Log in by web").count(), 1, "{run:#?}");
        assert_eq!(run.phase_line(phase).unwrap().matches("Log in by web").count(), 1, "{run:#?}");
    }
}

#[test]
fn an_alert_is_shown_although_its_words_stand_in_line_1_for_another_reason() {
    let run = play(in_login("* OK [ALERT] login", "OK in"), "");
    assert!(run.summary().ends_with(", alert of the server: login"), "{run:#?}");
}

#[test]
fn an_alert_is_shown_although_line_1_is_cut_in_front_of_it() {
    let names: Vec<String> = (0..4).map(|number| format!("{number}{}", "x".repeat(200))).collect();
    let mut script = log_in();
    for (number, name) in names.iter().enumerate() {
        let alert = if number == 2 { "[ALERT] Disk is full" } else { "x" };
        let reply = format!("NO {alert} {number} {}", "y".repeat(100));
        script.extend([expect(&format!("SELECT \"{name}\"")), tagged(&reply)]);
    }
    script.extend(leave());
    let server = Server::start(script);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let run = plugin(server.port, Plan::of_mailboxes(Mode::Clear, &names)).run();
    server.finish().check_expected();
    assert!(run.code == 2 && run.summary().len() < 1000, "{run:#?}");
    assert!(run.summary().contains(", alert of the server: Disk is full 2 yyy"), "{run:#?}");
}

#[test]
fn an_alert_between_two_operations_is_of_the_first_one() {
    let begin = |name: &str| {
        let mut script = log_in();
        script.push(expect(name));
        script
    };
    let last_words = |tag: &str| format!("{tag} NO busy\r\n* NO [ALERT] Overload\r\n* BYE Closing\r\n").into_bytes();
    let first = [begin("one"), vec![Step::Answer(last_words), Step::Close]].concat();
    let second = [begin("two"), vec![tagged("OK done")], leave()].concat();
    let server = Server::in_turn(vec![first, second]);
    let run = plugin(server.port, Plan::of_mailboxes(Mode::Clear, &["one", "two"])).arg("-v").run();
    let line = run.phase_line("select one").unwrap();
    let wanted = "failed: NO busy, behind it: connection closed by the server, its last line: BYE Closing, \
                  alert of the server: Overload";
    assert!(line.ends_with(wanted), "{run:#?}");
    assert!(run.phase_line("select two").unwrap().ends_with(", over a fresh connection"), "{run:#?}");
}

#[test]
fn a_flood_of_alerts_leaves_line_1_short() {
    let alerts: Vec<String> = (0..2000).map(|number| format!("* OK [ALERT] {number} {}", "x".repeat(300))).collect();
    let run = play(in_select(&alerts.join("\r\n"), "OK done"), "");
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    assert!(run.summary().contains("login 0.") && run.summary().ends_with(", 5 more alerts"), "{run:#?}");
    assert!(run.summary().len() < 1000, "{} bytes", run.summary().len());
}

#[test]
fn a_warning_in_a_run_that_works_is_a_note() {
    for (line, reply, note) in [
        ("* NO Disk failure, salvaging", "OK done", Some("the server said NO Disk failure, salvaging")),
        ("* BAD what was that?", "OK done", Some("the server said BAD what was that?")),
        ("* OK still here", "OK [THROTTLED] done", Some("the server said OK [THROTTLED] done")),
        ("* OK [OVERQUOTA] nearly", "OK done", Some("the server said OK [OVERQUOTA] nearly")),
        ("* OK [X-SLOW.1 12] nearly", "OK done", Some("the server said OK [X-SLOW.1 12] nearly")),
        ("* OK [throttled] nearly", "OK done", Some("the server said OK [throttled] nearly")),
        ("* OK slower [THROTTLED 3] now", "OK done", Some("the server said OK slower [THROTTLED 3] now")),
        ("* OK slower [now] than before", "OK done", None),
        ("* OK [UIDVALIDITY 1] ok", "OK [READ-WRITE] done", None),
        ("* OK [HIGHESTMODSEQ 7] ok", "OK [CLOSED] done", None),
        ("* OK [UNSEEN 3] ok", "OK done [in 3 ms]", None),
    ] {
        let (run, json) = play_json(in_select(line, reply), "");
        assert_eq!(run.code, 0, "{run:#?}");
        let select = json::phase(&json, "select INBOX");
        assert_eq!(select["note"].as_str(), note, "{line}, {reply}");
    }
}

#[test]
fn a_mailbox_that_can_only_be_read_is_a_note_and_what_the_user_makes_of_it() {
    let script = || in_select("* OK still here", "OK [READ-ONLY] done");
    let run = play(script(), "-v");
    let line = run.phase_line("select INBOX").unwrap();
    assert!(line.ends_with("the server opened it read-only"), "{line}");
    let run = play(script(), "--on-read-only critical");
    assert!(run.code == 2 && skip_host(&run).contains("s (the server opened it read-only)"), "{run:#?}");
    // It may be said untagged, and while the mailbox is open.
    let script = || in_select("* OK [CLOSED] x\r\n* OK [READ-ONLY] it is", "OK done");
    let run = play(script(), "--on-read-only warning");
    assert!(run.code == 1 && skip_host(&run).contains("s (the server opened it read-only)"), "{run:#?}");
    // It was asked for.
    for args in ["--examine --on-read-only critical", "-O examine:INBOX --on-read-only critical"] {
        let examined = args.starts_with("--examine");
        let script = script().into_iter().map(|step| match step {
            Step::Expect(text) if examined && text.starts_with("SELECT") => expect(&text.replace("SELECT", "EXAMINE")),
            step => step,
        });
        if examined {
            assert_eq!(play(script.collect(), args).code, 0);
        }
    }
}

#[test]
fn a_timeout_and_a_loss_have_the_last_words_of_their_phase() {
    let inbox = || Plan::of_mailboxes(Mode::Clear, &["INBOX"]);
    let play = |lines: &str, end: Step, args: &str| {
        let server = Server::start(ended(inbox(), "select INBOX", vec![send(lines), end]));
        let run = plugin(server.port, inbox()).args(args.split_whitespace()).run();
        server.finish().check_expected();
        run
    };
    let hangs = |lines: &str, args: &str| play(lines, Step::Silence, &format!("--limit select=300ms {args}"));
    for (lines, words) in [
        ("* BAD [ALERT] Turn IMAP on first\r\n", "BAD [ALERT] Turn IMAP on first"),
        ("* NO [ALERT] Account suspended.\r\n* FLAGS ()\r\n", "NO [ALERT] Account suspended"),
        ("* NO first\r\n* BAD second\r\n* 3 EXISTS\r\n", "BAD second"),
        ("* OK [ALERT] full\r\n* OK still here\r\n", "OK [ALERT] full"),
        ("* 3 EXISTS\r\n", "3 EXISTS"),
    ] {
        let run = hangs(lines, "");
        let wanted =
            format!("select INBOX timed out after 0.300 s (its limit 0.3 s), last line of the server: {words}");
        assert!(run.code == 1 && skip_host(&run).starts_with(&wanted), "{run:#?}");
        let json = json::read(&hangs(lines, "-o json").stdout);
        assert_eq!(json::phase(&json, "select INBOX")["reason"], format!("last line of the server: {words}"));
        let run = hangs(lines, "-o timeline");
        let text: Vec<&str> = run.stdout.split_whitespace().collect();
        assert!(text.join(" ").contains(words), "{}", run.stdout);
        let run = play(lines, Step::Close, "");
        let wanted = format!("select INBOX failed: connection closed by the server, its last line: {words}");
        assert!(run.code == 2 && skip_host(&run).starts_with(&wanted), "{run:#?}");
    }
    // Words of the phase before are none of this one.
    let run = hangs("", "");
    assert!(skip_host(&run).starts_with("select INBOX timed out"), "{run:#?}");
    assert!(!run.summary().contains("last line"), "{run:#?}");
}

#[test]
fn the_last_words_of_a_phase_are_said_once() {
    let inbox = || Plan::of_mailboxes(Mode::Clear, &["INBOX"]);
    let play = |phase: &str, lines: &str, end: Step| {
        let server = Server::start(ended(inbox(), phase, vec![send(lines), end]));
        let run = plugin(server.port, inbox()).args(["-v", "--limit", "select=300ms"]).run();
        server.finish().check_expected();
        run.phase_line(phase).unwrap().to_owned()
    };
    for (phase, end) in [("greeting", Step::Close), ("select INBOX", Step::Close), ("select INBOX", Step::Silence)] {
        let line = play(phase, "* NO Disk failure\r\n", end);
        assert!(line.ends_with("NO Disk failure"), "{line}");
        assert_eq!(line.matches("NO Disk failure").count(), 1, "{line}");
    }
    // Other words are a note.
    let line = play("select INBOX", "* NO Disk failure\r\n* NO salvaging\r\n", Step::Close);
    assert!(line.ends_with("its last line: NO salvaging, the server said NO Disk failure"), "{line}");
}

#[test]
fn an_empty_line_is_called_one() {
    for (phase, reason) in [
        ("greeting", "greeting failed: not an IMAP greeting: an empty line"),
        ("login", "login failed: the server answered something else: an empty line"),
    ] {
        let script = ended(Mode::Clear, phase, vec![send("\r\n"), Step::Silence]);
        check_all(vec![Case::new("an empty line", Mode::Clear, script).gives(2, reason)]);
    }
}

#[test]
fn a_refused_login_names_what_the_server_offers_besides() {
    let offers = "(the server also offers XOAUTH2, OAUTHBEARER: see --auth)";
    let refused = |capabilities: &str| {
        let answer = vec![tagged("NO LOGIN failed."), expect("CAPABILITY"), send(capabilities), tagged("OK done")];
        [answer, leave()].concat()
    };
    // It is asked behind the refusal if the server has not said it before.
    for mode in [Mode::Implicit, Mode::Starttls] {
        let with = refused("* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER\r\n");
        let without = refused("* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN\r\n");
        let greeting = |script: Vec<Step>| -> Vec<Step> {
            let silent = |step: Step| match step {
                Step::Send(bytes) if bytes.starts_with(b"* OK [CAPABILITY") => send("* OK ready\r\n"),
                step => step,
            };
            script.into_iter().map(silent).collect()
        };
        let case = |script, reason: &str| Case::new("a refused login", mode, greeting(script)).gives(2, reason);
        check_all(vec![
            case(ended(mode, "login", with), &format!("login failed: NO LOGIN failed {offers}")),
            case(ended(mode, "login", without), "login failed: NO LOGIN failed"),
        ]);
    }
    // In clear text it was asked before.
    let known =
        replaced(Mode::Clear, "greeting", &[send("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 AUTH=OAUTHBEARER] x\r\n")]);
    let login = known.iter().position(|step| matches!(step, Step::Expect(text) if text == "LOGIN")).unwrap();
    let script = [&known[..=login], &[tagged("NO LOGIN failed.")], &leave()].concat();
    let case = Case::new("known before", Mode::Clear, script);
    check_all(vec![case.gives(2, &format!("login failed: NO LOGIN failed {offers}"))]);
}

#[test]
fn a_server_that_does_not_answer_to_the_question_for_its_offers_changes_nothing() {
    for end in [Step::Silence, Step::Close] {
        let refused = vec![tagged("NO LOGIN failed."), expect("CAPABILITY"), end];
        let server = Server::start(ended(Mode::Starttls, "login", refused));
        let run = plugin(server.port, Mode::Starttls).arg("--ca-file").arg(server.ca_file()).run();
        server.finish().check_expected();
        assert!(run.code == 2 && run.summary().ends_with(": login failed: NO LOGIN failed"), "{run:#?}");
        // The end of the session has its own limit, and is not part of the total.
        let logout = run.phase_line("logout").unwrap();
        assert!(logout.contains("timed out after 1.000 s") || logout.contains("closed by the server"), "{run:#?}");
        assert!(run.value("total").unwrap() < 5.0, "{run:#?}");
    }
}

#[test]
fn a_server_without_logins_by_password_names_what_it_offers_instead() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN AUTH=XOAUTH2] ready\r\n";
    let script = ended(Mode::Implicit, "greeting", [vec![send(greeting)], leave()].concat());
    let reason = "login failed: the server says LOGINDISABLED, no password was sent \
        (the server offers instead PLAIN, XOAUTH2: see --auth)";
    check_all(vec![Case::new("LOGINDISABLED", Mode::Implicit, script).gives(2, reason)]);
}

#[test]
fn many_operations_that_fail_alike_are_counted_and_the_login_is_still_there() {
    let names: Vec<String> = (0..40).map(|number| format!("box{number}")).collect();
    let mut script = log_in();
    for (number, name) in names.iter().enumerate() {
        let reply = if number % 3 == 0 {
            "OK done".to_owned()
        } else {
            format!("NO no such mailbox: {name} {}", "x".repeat(60))
        };
        script.extend([expect(&format!("SELECT \"{name}\"")), tagged(&reply)]);
    }
    script.extend(leave());
    let server = Server::start(script);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let run = plugin(server.port, Plan::of_mailboxes(Mode::Clear, &names)).run();
    server.finish().check_expected();
    assert_eq!(run.check_sound().code, 2, "{run:#?}");
    assert!(
        skip_host(&run).starts_with("26 of 40 operations failed: select box1: NO no such mailbox: box1 x"),
        "{run:#?}"
    );
    assert!(run.summary().contains(", and 23 more, login 0."), "{run:#?}");
}

#[test]
fn many_operations_beyond_a_threshold_are_counted_and_the_login_is_still_there() {
    let names: Vec<String> = (0..40).map(|number| format!("box{number}")).collect();
    let mut script = log_in();
    for (number, name) in names.iter().enumerate() {
        let count = format!("* {} EXISTS\r\n", if number % 4 == 0 { 1 } else { number + 10 });
        script.extend([expect(&format!("SELECT \"{name}\"")), send(&count), tagged("OK done")]);
    }
    script.extend(leave());
    let server = Server::start(script);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let run = plugin(server.port, Plan::of_mailboxes(Mode::Clear, &names))
        .args(["-w", "select.messages=5", "-c", "select.messages:box39=5"])
        .run();
    server.finish().check_expected();
    assert_eq!(run.check_sound().code, 2, "{run:#?}");
    assert!(skip_host(&run).starts_with("select box39 0."), "{run:#?}");
    let text = run.summary();
    assert!(
        text.contains(" (49 messages, critical above 5), 29 of 40 operations are WARNING: select box1: 0."),
        "{text}"
    );
    assert!(text.contains(" (13 messages, warning above 5), and 26 more, login 0."), "{text}");
}

#[test]
fn each_reason_of_many_operations_that_failed_is_said_once() {
    for (replies, said) in [
        (["one", "one", "one", "one"], "select a, select b, select c, and 1 more: NO one, "),
        (["one", "one", "one", "other"], "select a and 2 more: NO one, select d: NO other, "),
        (["other", "one", "one", "one"], "select a: NO other, select b and 2 more: NO one, "),
        (["one", "two", "three", "four"], "select a: NO one, select b: NO two, select c: NO three, and 1 more, "),
    ] {
        let names = ["a", "b", "c", "d"];
        let mut script = log_in();
        for (name, reply) in names.iter().zip(replies) {
            script.extend([expect(&format!("SELECT \"{name}\"")), tagged(&format!("NO {reply}"))]);
        }
        script.extend(leave());
        let server = Server::start(script);
        let run = plugin(server.port, Plan::of_mailboxes(Mode::Clear, &names)).run();
        server.finish().check_expected();
        assert!(skip_host(&run).starts_with(&format!("4 of 4 operations failed: {said}login 0.")), "{run:#?}");
    }
}

#[test]
fn the_same_words_for_three_mailboxes_are_said_once() {
    let session = |name: &str| {
        let mut script = log_in();
        script.extend([expect(name), send("* BYE Too many connections.\r\n"), Step::Close]);
        script
    };
    let server = Server::in_turn(["one", "two", "three"].map(session).to_vec());
    let run = plugin(server.port, Plan::of_mailboxes(Mode::Clear, &["one", "two", "three"])).run();
    let wanted = "select one, select two and select three failed: connection closed by the server, its last line: \
                  BYE Too many connections, login 0.";
    assert!(skip_host(&run).starts_with(wanted), "{run:#?}");
}

#[test]
fn the_timeline_says_advice_once_on_a_line_of_its_own() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN] ready\r\n";
    let script = ended(Mode::Clear, "greeting", [vec![send(greeting)], leave()].concat());
    let run = play(script, "-o timeline");
    let advice = "is --tls starttls or implicit right?";
    assert_eq!(run.code, 2, "{run:#?}");
    assert_eq!(run.stdout.matches(advice).count(), 1, "{}", run.stdout);
    assert!(run.stdout.ends_with(&format!("\n  hint: {advice}\n")), "{}", run.stdout);
}
