//! Operations beside the fault matrix: mailboxes that are opened for them, capabilities that a server does not have, what
//! is sent and what never is, and what their figures are worth.
use crate::case::{Case, PASSWORD, USER, check_all, plugin};
use crate::testkit::invariants::{check_labels, read_lines};
use crate::testkit::plan::{CAPABILITIES, GREETING, Mode, Plan, Task};
use crate::testkit::plugin::{Plugin, Run};
use crate::testkit::server::{Record, Server};
use crate::testkit::step::{Step, expect, leave, send, tagged};
use crate::testkit::well_behaved::{in_any_order, script, well};

#[test]
fn what_needs_a_mailbox_that_was_refused_is_not_run_and_the_next_operation_is() {
    let no = || vec![tagged("NO [NOPERM] not you")];
    let steps = [
        exchange("SELECT \"Archive\"", no()),
        exchange("NOOP", vec![tagged("OK done")]),
        exchange("SELECT \"INBOX\"", opened(3)),
        exchange("IDLE", vec![send("+ idling\r\n"), expect("DONE"), tagged("OK done")]),
    ];
    let operations = ["search:Archive?UNSEEN", "age:Archive", "noop", "idle:INBOX"];
    let (run, _) = run(&[session(CAPABILITIES, &steps)], &operations, "");
    assert_eq!(run.code, 2, "{run:#?}");
    assert_eq!(line(&run, "select Archive"), "failed: NO [NOPERM] not you");
    for name in ["search Archive?UNSEEN", "age Archive"] {
        assert_eq!(line(&run, name), "not run: select Archive failed");
    }
    assert_ok(&run, &["noop", "select INBOX", "idle INBOX"]);
    // The cause alone is a problem: what it prevented adds nothing but its own line.
    assert_eq!(run.value("search_Archive_UNSEEN_ok"), Some(0.0));
}

#[test]
fn a_mailbox_is_opened_again_without_a_report_for_what_is_left_to_be_done_in_it() {
    let idle = || exchange("IDLE", vec![send("+ idling\r\n"), expect("DONE"), tagged("OK done")]);
    let select = || exchange("SELECT \"Archive\"", opened(9));
    let first = session(CAPABILITIES, &[select(), exchange("UID SEARCH", vec![Step::Silence])]);
    let second = session(CAPABILITIES, &[select(), idle(), exchange("NOOP", vec![Step::Close])]);
    let third = session(CAPABILITIES, &[exchange("LIST", vec![send("* LIST () NIL a\r\n"), tagged("OK done")])]);
    let operations = ["search:Archive?UNSEEN", "idle:Archive", "noop", "list"];
    let (run, record) = run(&[first, second, third], &operations, "--limit search=300ms -v");
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(line(&run, "search Archive?UNSEEN").starts_with("timed out after 0.300 s (its limit 0.3 s)"), "{run:#?}");
    assert!(line(&run, "noop").starts_with("failed: connection closed"), "{run:#?}");
    assert_ok(&run, &["select Archive", "idle Archive", "list"]);
    // Nothing behind the noop needs a mailbox, so that the third connection opens none.
    assert_eq!((record.connections, count(&record, "SELECT")), (3, 2));
    assert_eq!(run.long_text().iter().filter(|line| line.contains("select Archive:")).count(), 1, "{run:#?}");
}

#[test]
fn a_mailbox_that_cannot_be_opened_again_is_named() {
    let first = session(CAPABILITIES, &[exchange("SELECT", opened(9)), exchange("UID SEARCH", vec![Step::Close])]);
    let second = session(CAPABILITIES, &[exchange("SELECT", vec![tagged("NO [INUSE] locked")])]);
    let (run, _) = run(&[first, second], &["search:Archive?UNSEEN", "age:Archive"], "");
    assert_eq!(run.code, 2, "{run:#?}");
    let why = "not run: could not connect again: select Archive failed: NO [INUSE] locked";
    assert_eq!(line(&run, "age Archive"), why);
    assert_ok(&run, &["select Archive"]);
}

#[test]
fn a_capability_that_the_server_does_not_have_is_named_and_nothing_is_sent() {
    for (operation, needed, verb) in [
        ("quota", "QUOTA", "GETQUOTAROOT"),
        ("idle:INBOX", "IDLE", "IDLE"),
        ("append:INBOX", "UIDPLUS", "APPEND"),
        ("remove:INBOX", "UIDPLUS", "UID"),
    ] {
        let others: Vec<&str> = CAPABILITIES.split(' ').filter(|name| *name != needed).collect();
        let mut steps = Vec::new();
        if operation != "quota" {
            steps.push(exchange("SELECT", opened(3)));
        }
        steps.push(exchange("NOOP", vec![tagged("OK done")]));
        let (run, record) = run(&[session(&others.join(" "), &steps)], &[operation, "noop"], "");
        assert_eq!(run.code, 2, "{run:#?}");
        let name = operation.replace(':', " ");
        assert_eq!(line(&run, &name), format!("failed: the server does not have the capability {needed}"));
        assert_ok(&run, &["noop"]);
        assert_eq!(count(&record, verb), 0, "{record:#?}");
    }
}

#[test]
fn capabilities_that_no_reply_to_login_listed_are_asked_for_once_and_only_if_they_are_needed() {
    let plan = Plan::of_every_operation(Mode::Clear);
    let mut phases = plan.phases_of_server();
    let login = phases.iter_mut().find(|phase| phase.operation == "login").unwrap();
    login.answer = vec![tagged("OK Logged in")];
    let place = phases.iter().position(|phase| phase.operation == "search").unwrap();
    let asked = exchange("CAPABILITY", vec![send(&format!("* CAPABILITY {CAPABILITIES}\r\n")), tagged("OK done")]);
    let script = [script(phases[..place].to_vec()), asked, script(phases[place..].to_vec())].concat();
    let case = Case::new("no capabilities in login's reply", &plan, script).gives(0, "login 0.");
    let case = case.also(|_, record| assert_eq!(count(record, "CAPABILITY"), 1));

    let tasks = [("status", "Spam"), ("id", ""), ("noop", ""), ("select", "INBOX"), ("age", "INBOX"), ("list", "")];
    let tasks = tasks.map(|(operation, target)| Task::new(operation, target));
    let plan = Plan::new(Mode::Clear, tasks.into());
    let mut script = well(&plan);
    let login = script.iter().position(|step| matches!(step, Step::SendTagged(text) if text.ends_with(b"Logged in")));
    script[login.unwrap()] = tagged("OK Logged in");
    let none = Case::new("no capability needed", &plan, script).gives(0, "login 0.");
    check_all(vec![case, none.also(|_, record| assert_eq!(count(record, "CAPABILITY"), 0))]);
}

#[test]
fn a_search_counts_what_any_server_sends_and_reads_one_line_of_one_that_counts_itself() {
    let many: Vec<String> = (1..=50_000).map(|uid| uid.to_string()).collect();
    let many = format!("* SEARCH {}\r\n", many.join(" "));
    let plain = CAPABILITIES.replace(" ESEARCH", "");
    for (capabilities, answer, matches) in [
        (CAPABILITIES, "* ESEARCH (TAG \"a3\") UID COUNT 50000\r\n", 50_000.0),
        (CAPABILITIES, "* ESEARCH (TAG \"a3\") UID COUNT 0\r\n", 0.0),
        // A server may answer so all the same.
        (CAPABILITIES, "* SEARCH 2 4 9\r\n", 3.0),
        (&plain, "* SEARCH 2 4 9\r\n", 3.0),
        (&plain, "* SEARCH 2 4 9 (MODSEQ 917162500)\r\n", 3.0),
        (&plain, "* SEARCH\r\n", 0.0),
        (&plain, "* SEARCH 2\r\n* SEARCH 4 9\r\n", 3.0),
        (&plain, &many, 50_000.0),
    ] {
        let command = if capabilities == plain { "UID SEARCH UNSEEN" } else { "UID SEARCH RETURN (COUNT) UNSEEN" };
        let steps = [exchange("SELECT", opened(9)), exchange(command, vec![send(answer), tagged("OK done")])];
        let (run, _) = run(&[session(capabilities, &steps)], &["search:INBOX?UNSEEN"], "-w search.matches=5");
        assert_eq!(run.figure("search", "INBOX?UNSEEN", "matches"), Some(matches), "{run:#?}");
        assert_eq!(run.code, i32::from(matches > 5.0), "{run:#?}");
        assert!(run.peak_kib < 16 * 1024, "{} KiB", run.peak_kib);
    }
}

#[test]
fn an_empty_mailbox_is_not_asked_for_dates_and_has_no_newest_message() {
    let steps = [exchange("SELECT", opened(0)), exchange("NOOP", vec![tagged("OK done")])];
    for (options, code, said) in [
        ("", 0, ""),
        ("-w age.newest:INBOX=900", 1, "(the mailbox is empty, warning)"),
        ("-c age.newest=900", 2, "(the mailbox is empty, critical)"),
        ("-c age.oldest:INBOX=900", 0, ""),
    ] {
        let (run, record) = run(&[session(CAPABILITIES, &steps)], &["age:INBOX", "noop"], options);
        assert_eq!(run.code, code, "{run:#?}");
        assert!(run.summary().contains(said), "{run:#?}");
        assert_eq!((run.figure("age", "INBOX", "newest"), run.figure("age", "INBOX", "oldest")), (None, None));
        assert_eq!(run.value("age_INBOX_ok"), Some(1.0), "{run:#?}");
        assert_eq!(count(&record, "FETCH"), 0);
    }
}

#[test]
fn a_name_that_looks_like_a_list_of_mailboxes_has_a_hint_if_it_is_refused() {
    for (operation, command) in [("select", "SELECT"), ("examine", "EXAMINE"), ("status", "STATUS")] {
        for (mailbox, answer, hint) in [
            ("INBOX,Archive", "NO [NONEXISTENT] no such mailbox", " (one -m or -O for each mailbox)"),
            ("INBOX Archive", "NO [NONEXISTENT] no such mailbox", ""),
            ("INBOX,Archive", "OK done", ""),
        ] {
            let steps = [exchange(command, vec![tagged(answer)])];
            let (run, _) = run(&[session(CAPABILITIES, &steps)], &[&format!("{operation}:{mailbox}")], "");
            assert_eq!(run.code, if answer.starts_with("NO") { 2 } else { 0 }, "{run:#?}");
            let said = format!("{operation} {mailbox} failed: {answer}{hint}, login 0.");
            assert_eq!(run.summary().contains(&said), run.code == 2, "{run:#?}");
        }
    }
}

#[test]
fn a_mailbox_with_one_message_has_one_age() {
    let date = Step::SendDated("* 1 FETCH (INTERNALDATE \"<3000>\")\r\n".to_owned());
    let steps = [exchange("SELECT", opened(1)), exchange("FETCH 1,*", vec![date, tagged("OK done")])];
    for thresholds in ["-w age.newest:INBOX=900 -c age.oldest=86400", "-w age.newest:INBOX=15m -c age.oldest=1d"] {
        let (run, _) = run(&[session(CAPABILITIES, &steps)], &["age:INBOX"], thresholds);
        assert_eq!(run.code, 1, "{run:#?}");
        assert!(run.summary().contains("(newest message 50 min"), "{run:#?}");
        assert!(run.summary().contains("old, warning above 900 s)"), "{run:#?}");
        for (figure, warning, critical) in [("oldest", "", "86400"), ("newest", "900", "")] {
            let item = run.figure_item("age", "INBOX", figure).unwrap();
            assert!((3000.0..3060.0).contains(&item.value.unwrap()) && item.unit == "s", "{run:#?}");
            assert_eq!((item.warning.as_str(), item.critical.as_str()), (warning, critical), "{run:#?}");
        }
    }
}

#[test]
fn a_write_test_removes_what_it_wrote_and_what_it_finds_and_names_no_other_message() {
    let found = "* SEARCH 7\r\n";
    for (appended, found, set, removed) in [
        ("OK [APPENDUID 38505 3955] done", found, "7,3955", Some(2.0)),
        ("OK [APPENDUID 38505 7] done", found, "7", Some(1.0)),
        ("OK [APPENDUID 38505 8] done", found, "7:8", Some(2.0)),
        ("OK done", found, "7", Some(1.0)),
        ("OK [APPENDUID 38505 3955] done", "* SEARCH\r\n", "3955", Some(1.0)),
        ("OK [APPENDUID 38505 3955] done", "", "3955", None),
        ("OK done", "* SEARCH\r\n", "", Some(0.0)),
    ] {
        let mut steps = vec![
            exchange("APPEND \"Probe\" (\\Seen) {", vec![tagged(appended)]),
            exchange("SELECT \"Probe\"", opened(172)),
            exchange(
                "UID SEARCH HEADER X-Check-Imap-Session \"<check_imap_session 127.0.0.1>\"",
                vec![send(found), tagged("OK done")],
            ),
        ];
        if !set.is_empty() {
            steps.push(exchange(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"), vec![tagged("OK done")]));
            steps.push(exchange(&format!("UID EXPUNGE {set}"), vec![tagged("OK done")]));
        }
        steps.push(exchange("NOOP", vec![tagged("OK done")]));
        let (run, record) = run(&[session(CAPABILITIES, &steps)], &["append:Probe", "noop"], "");
        assert_eq!(run.code, 0, "{run:#?}");
        assert_eq!(run.figure("remove", "Probe", "removed"), removed, "{run:#?}");
        assert!(record.contains("\r\nX-Check-Imap-Session: <check_imap_session 127.0.0.1>\r\n"));
        assert_eq!(record.commands().iter().filter(|word| *word == "EXPUNGE" || *word == "CLOSE").count(), 0);
    }
}

#[test]
fn where_nothing_can_be_flagged_as_deleted_nothing_is_tried() {
    let flags = |flags: &str| send(&format!("* 172 EXISTS\r\n* OK [PERMANENTFLAGS {flags}] limited\r\n"));
    let ok = |command: &str| exchange(command, vec![tagged("OK done")]);
    let refused = "failed: the server lets nobody flag messages as deleted in this mailbox";
    for (permanent, said) in [("()", refused), ("(\\Seen \\DeletedX)", refused), ("(\\Seen \\deleted \\*)", "0.")] {
        let mut steps = vec![
            exchange("SELECT \"Probe\"", vec![flags(permanent), tagged("OK done")]),
            exchange("UID SEARCH", vec![send("* SEARCH 7\r\n"), tagged("OK done")]),
        ];
        if said == "0." {
            steps.extend([ok("UID STORE 7 "), ok("UID EXPUNGE 7")]);
        }
        steps.push(ok("NOOP"));
        let (run, _) = run(&[session(CAPABILITIES, &steps)], &["remove:Probe", "noop"], "-v");
        assert!(line(&run, "remove Probe").starts_with(said), "{run:#?}");
        assert_ok(&run, &["select Probe", "noop"]);
    }
}

#[test]
fn a_message_waits_for_the_servers_word_where_it_takes_no_literal_at_once() {
    let capabilities = CAPABILITIES.replace(" LITERAL+", "");
    let found = exchange("UID SEARCH", vec![send("* SEARCH\r\n"), tagged("OK done")]);
    let rest = [exchange("SELECT", opened(0)), found, exchange("NOOP", vec![tagged("OK done")])].concat();
    let go_on = vec![send("+ OK\r\n"), expect("X-Check-Imap-Session: <check"), tagged("OK done")];
    for (answer, said) in [
        (go_on, "0."),
        (vec![tagged("NO [OVERQUOTA] no room")], "failed: NO [OVERQUOTA] no room"),
        (vec![tagged("BAD no literals")], "failed: BAD no literals"),
    ] {
        let steps = [exchange("APPEND \"Probe\"", answer), rest.clone()];
        let (run, record) = run(&[session(&capabilities, &steps)], &["append:Probe", "noop"], "-v");
        assert!(line(&run, "append Probe").starts_with(said), "{run:#?}");
        // It is the message that was refused, not its form.
        assert!(!line(&run, "append Probe").contains("refused a literal"), "{run:#?}");
        assert_ok(&run, &["select Probe", "remove Probe", "noop"]);
        assert_eq!(record.contains("Subject: "), said == "0.", "{record:#?}");
    }
}

#[test]
fn a_message_that_was_written_over_a_lost_connection_is_removed_over_the_next_one() {
    let first = session(
        CAPABILITIES,
        &[
            exchange("APPEND", vec![tagged("OK [APPENDUID 38505 3955] done")]),
            exchange("SELECT", opened(172)),
            exchange("IDLE", vec![Step::Close]),
        ],
    );
    let second = session(
        CAPABILITIES,
        &[
            exchange("SELECT", opened(172)),
            exchange("UID SEARCH", vec![send("* SEARCH\r\n"), tagged("OK done")]),
            exchange("UID STORE 3955 ", vec![tagged("OK done")]),
            exchange("UID EXPUNGE 3955", vec![tagged("OK done")]),
        ],
    );
    let (run, _) = run(&[first, second], &["append:Probe", "idle:Probe", "remove:Probe"], "");
    assert_eq!(run.figure("remove", "Probe", "removed"), Some(1.0), "{run:#?}");
    assert_ok(&run, &["append Probe", "select Probe", "remove Probe"]);
}

#[test]
fn a_quota_is_as_full_as_its_fullest_root() {
    let roots = "* QUOTAROOT INBOX \"\" a b\r\n* QUOTA \"\" (STORAGE 10 1000 MESSAGE 999 1000)\r\n";
    for (lines, storage, messages) in [
        ("* QUOTA a (STORAGE 800 1000)\r\n* QUOTA b (STORAGE 1 2 MESSAGE 1 2)\r\n", 80.0, 99.9),
        ("* QUOTA b (STORAGE 1 2)\r\n* QUOTA a (STORAGE 1500 1000)\r\n", 150.0, 99.9),
        ("* QUOTA a (STORAGE 0 0)\r\n", 100.0, 99.9),
        ("* QUOTA a (MAILBOX 5 6 X-NUM 99999 1)\r\n", 1.0, 99.9),
    ] {
        let steps = [exchange("GETQUOTAROOT \"INBOX\"", vec![send(roots), send(lines), tagged("OK done")])];
        let (run, _) = run(&[session(CAPABILITIES, &steps)], &["quota"], "-w quota.storage=80");
        let items = ["quota_storage", "quota_messages"].map(|label| run.item(label).unwrap());
        assert_eq!(items.each_ref().map(|item| item.value), [Some(storage), Some(messages)], "{run:#?}");
        assert!(items.iter().all(|item| item.unit == "%" && item.max == Some(100.0)), "{run:#?}");
        assert_eq!(run.code, i32::from(storage > 80.0), "{run:#?}");
    }
}

#[test]
fn a_list_without_a_mailbox_has_none() {
    let answer = |lines: &str| vec![send(lines), tagged("OK done")];
    let steps = [
        exchange("LIST \"\" \"Nope/%\"", answer("")),
        exchange("LIST \"\" \"*\"", answer("* LIST (\\Noselect) NIL {5}\r\na \"b\"\r\n* LIST () \"/\" \"c\"\r\n")),
    ];
    let (run, _) = run(&[session(CAPABILITIES, &steps)], &["list:Nope/%", "list"], "-w list.mailboxes=1:");
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.summary().starts_with("127.0.0.1: list Nope/% 0.00"), "{run:#?}");
    assert!(run.summary().contains("(0 mailboxes, warning below 1)"), "{run:#?}");
    assert_eq!((run.value("list_Nope___mailboxes"), run.value("list_mailboxes")), (Some(0.0), Some(2.0)));
}

#[test]
fn a_mailbox_that_is_opened_again_in_the_plan_has_a_number_in_its_labels() {
    let tasks = [("select", "INBOX"), ("age", "INBOX"), ("select", "Archive"), ("idle", "INBOX")];
    let plan = Plan::new(Mode::Clear, tasks.map(|(operation, target)| Task::new(operation, target)).into());
    let case = Case::new("INBOX twice", &plan, in_any_order(&plan)).gives(0, "login 0.");
    check_all(vec![case.also(move |run, _| {
        for label in
            ["select_INBOX", "select_INBOX_ok", "select_INBOX_2", "select_INBOX_2_ok", "select_INBOX_2_messages"]
        {
            assert!(run.value(label).is_some(), "no {label}: {run:#?}");
        }
        let lines = read_lines(&plan, run);
        assert!(lines.is_none_or(|lines| lines.iter().all(|line| line.outcome() == "ok")), "{run:#?}");
    })]);
}

#[test]
fn as_many_operations_as_there_can_be_fit_into_a_report() {
    let names: Vec<String> = (0..62).map(|number| format!("Projects/2026/Mailbox number {number}")).collect();
    let of_name = |name: &String| [Task::new("age", name), Task::new("idle", name), Task::new("status", name)];
    let tasks: Vec<Task> =
        names.iter().flat_map(of_name).chain([Task::new("list", ""), Task::new("quota", "")]).collect();
    let plan = Plan::new(Mode::Clear, tasks);
    assert_eq!(plan.phases().iter().filter(|phase| phase.is_task).count(), 250);
    let mut refused = plan.phases_of_server();
    refused.retain(|phase| phase.opener.is_none());
    for phase in refused.iter_mut().filter(|phase| phase.is_task) {
        phase.answer = vec![tagged(&format!("NO [UNAVAILABLE] {}", "long reason ".repeat(30)))];
    }
    for (script, code) in [(in_any_order(&plan), 0), (script(refused), 2)] {
        for verbosity in ["-t60", "-vvv"] {
            let server = Server::start(script.clone());
            let run = plugin(server.port, &plan).arg(verbosity).run();
            // Under 64 KB, with all labels.
            run.check_sound();
            check_labels(&plan, &run);
            assert_eq!(run.code, code, "{run:#?}");
            assert!(run.peak_kib < 16 * 1024, "{} KiB", run.peak_kib);
            server.finish().check_expected();
        }
    }
}

/// A run over these connections, held to what holds for every run.
fn run(scripts: &[Vec<Step>], operations: &[&str], options: &str) -> (Run, Record) {
    let server = Server::in_turn(scripts.to_vec());
    let run = Plugin::new(["-H", "127.0.0.1", "-p", &server.port.to_string(), "-u", USER, "--tls", "none", "-t", "60"])
        .args(operations.iter().flat_map(|operation| ["-O", operation]))
        .args(options.split_whitespace())
        .password(PASSWORD)
        .run();
    run.check_sound();
    let record = server.finish();
    record.check_expected();
    (run, record)
}

/// A session in which login's reply lists these capabilities.
fn session(capabilities: &str, exchanges: &[Vec<Step>]) -> Vec<Step> {
    let login = tagged(&format!("OK [CAPABILITY {capabilities}] Logged in"));
    [vec![send(GREETING), expect("LOGIN"), login], exchanges.concat(), leave()].concat()
}

fn exchange(command: &str, answer: Vec<Step>) -> Vec<Step> {
    [vec![expect(command)], answer].concat()
}

fn opened(messages: u32) -> Vec<Step> {
    vec![send(&format!("* {messages} EXISTS\r\n")), tagged("OK [READ-WRITE] done")]
}

/// What the phase's line says behind its name.
fn line<'a>(run: &'a Run, name: &str) -> &'a str {
    let line = run.phase_line(name).unwrap_or_else(|| panic!("no line of {name}: {run:#?}"));
    line[name.len()..].trim_start_matches(": ")
}

fn assert_ok(run: &Run, names: &[&str]) {
    for name in names {
        assert!(line(run, name).starts_with("0."), "{name}: {run:#?}");
    }
}

/// How often this was the second word of a line.
fn count(record: &Record, word: &str) -> usize {
    record.commands().iter().filter(|each| *each == word).count()
}
