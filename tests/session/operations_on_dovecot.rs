//! The operations against a real Dovecot: each figure, in each format, is what another client reports in the same test,
//! and the write test loses no message. SELECT, logins and TLS are in `on_dovecot.rs`, costs in `cost.rs`.
use std::collections::BTreeMap;
use std::net::TcpStream;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use imap::Session;
use imap::types::{Flag, QuotaResourceName};

use crate::exposition::Exposition;
use crate::testkit::dovecot::dovecot;
use crate::testkit::json;
use crate::testkit::plugin::{Plugin, Run};

/// Part of the mark of each message that the plugin writes here.
const HOST: &str = "127.0.0.1";
/// Runs end long before; a slow machine is no reason to fail.
const LIMIT: &str = "25";
/// Seconds between the plugin's look at the clock and the test's.
const PATIENCE: f64 = 10.0;

/// A figure as another client reports it.
#[derive(Clone, Copy)]
struct Expected<'a> {
    operation: &'a str,
    target: &'a str,
    figure: &'a str,
    /// Without `imap_session_`, and with the label that tells it from other figures, if there is one.
    metric: &'a str,
    label: Option<(&'a str, &'a str)>,
    value: Value,
}

#[derive(Clone, Copy)]
enum Value {
    Count(u32),
    /// Of 1.
    Ratio(f64),
    /// The seconds since then.
    Since(DateTime<FixedOffset>),
}

#[test]
fn counts_are_those_of_another_client() {
    let mut client = dovecot().log_in("writer");
    client.create("Counted").unwrap();
    for (from, flags, year) in [
        ("ann", &[Flag::Seen][..], 2001),
        ("ann", &[], 2011),
        ("bob", &[Flag::Seen, Flag::Flagged], 2021),
        ("bob", &[], 2021),
    ] {
        let message = format!("From: {from}@example.org\r\nSubject: \"100 %\"\r\n\r\nHello.\r\n");
        let date = format!("{year}-03-04T05:06:07+00:00").parse().unwrap();
        let mut append = client.append("Counted", message.as_bytes());
        append.flags(flags.iter().cloned()).internal_date(date).finish().unwrap();
    }
    client.append("Counted", b"From: ann@example.org\r\n\r\nHello.\r\n").finish().unwrap();

    let exists = client.examine("Counted").unwrap().exists;
    let status = client.status("INBOX", "(MESSAGES UNSEEN)").unwrap();
    let of_counted = client.status("Counted", "(MESSAGES UNSEEN)").unwrap();
    let messages = |operation, count| Expected {
        operation,
        target: "Counted",
        figure: "messages",
        metric: "mailbox_messages",
        label: None,
        value: Value::Count(count),
    };
    let mut expected = vec![
        messages("select", exists),
        messages("examine", exists),
        messages("status", of_counted.exists),
        Expected {
            figure: "unseen",
            metric: "mailbox_unseen_messages",
            value: Value::Count(of_counted.unseen.unwrap()),
            ..messages("status", 0)
        },
    ];
    assert_eq!((exists, of_counted.exists, of_counted.unseen, status.exists), (5, 5, Some(3), 3));
    let keys = [
        "UNSEEN",
        "SEEN",
        "FROM ann",
        "FROM \"ann@example.org\" UNSEEN",
        "SINCE 1-Jan-2020",
        "OR FLAGGED BEFORE 1-Jan-2005",
        "SUBJECT \"100 %\"",
        "NOT DELETED",
        "SUBJECT nothing?",
    ];
    let targets = keys.map(|keys| format!("Counted?{keys}"));
    for (keys, target) in keys.iter().zip(&targets) {
        let count = client.uid_search(keys).unwrap().len();
        expected.push(Expected {
            target,
            figure: "matches",
            metric: "search_matches",
            ..messages("search", count.try_into().unwrap())
        });
    }
    let searches = expected[4..].iter().map(|expected| number(&expected.value)).collect::<Vec<_>>();
    assert_eq!(searches, [3.0, 2.0, 3.0, 2.0, 3.0, 2.0, 4.0, 5.0, 0.0]);
    expect_in_every_format("writer", &expected);
    client.delete("Counted").unwrap();
}

#[test]
fn ages_are_those_of_the_first_and_the_last_message() {
    let mut client = dovecot().log_in("writer");
    for mailbox in ["Dated", "Dated once"] {
        client.create(mailbox).unwrap();
    }
    let now = Utc::now();
    // Neither the youngest nor the oldest by date: the sequence counts.
    for (mailbox, hours, zone) in
        [("Dated", 50, 0), ("Dated", 900, 0), ("Dated", 1, 0), ("Dated", 7, -7), ("Dated once", 3, 5)]
    {
        let zone = FixedOffset::east_opt(zone * 3600).unwrap();
        let date = (now - TimeDelta::hours(hours)).with_timezone(&zone);
        client.append(mailbox, b"From: a@example.org\r\n\r\n").internal_date(date).finish().unwrap();
    }
    let mut expected = Vec::new();
    for mailbox in ["Dated", "Dated once"] {
        for (figure, message) in [("oldest", "1"), ("newest", "*")] {
            client.examine(mailbox).unwrap();
            let fetched = client.fetch(message, "INTERNALDATE").unwrap();
            let date = fetched.get(0).unwrap().internal_date().unwrap();
            expected.push(Expected {
                operation: "age",
                target: mailbox,
                figure,
                metric: "message_age_seconds",
                label: Some(("which", figure)),
                value: Value::Since(date),
            });
        }
    }
    let hours = expected.iter().map(|expected| (number(&expected.value) / 3600.0).round()).collect::<Vec<_>>();
    assert_eq!(hours, [50.0, 7.0, 3.0, 3.0]);
    expect_in_every_format("writer", &expected);
    for mailbox in ["Dated", "Dated once"] {
        client.delete(mailbox).unwrap();
    }
}

#[test]
fn an_empty_mailbox_has_no_age_and_a_limit_on_the_newest_message_is_crossed() {
    let run = plugin("ordinary").args(["-O", "age:Empty", "-w", "age.newest=900", "-c", "age.oldest=900"]).run();
    expect(&run, 1);
    assert!(run.summary().contains("age Empty ") && run.summary().contains("the mailbox is empty"), "{run:#?}");
    assert_eq!(["oldest", "newest"].map(|figure| run.figure("age", "Empty", figure)), [None; 2]);
}

#[test]
fn quotas_are_those_of_another_client() {
    for (user, storage, messages) in [
        ("limited", Some(1.0 / 64.0), Some(0.1)),
        ("two-roots", Some(1.0 / 16.0), Some(0.3)),
        ("full", None, Some(1.0)),
    ] {
        let mut client = dovecot().log_in(user);
        let response = client.get_quota_root("INBOX").unwrap();
        let fullest = |name: &QuotaResourceName| {
            let resources = response.quotas().iter().flat_map(|quota| &quota.resources);
            let used = resources.filter(|resource| resource.name == *name);
            used.map(|resource| ratio(resource.usage, resource.limit)).max_by(f64::total_cmp)
        };
        let reported = [fullest(&QuotaResourceName::Storage), fullest(&QuotaResourceName::Message)];
        // Otherwise nothing would be compared.
        assert_eq!(reported, [storage, messages], "{user}");
        let mut expected = Vec::new();
        for (figure, value) in ["storage", "messages"].into_iter().zip(reported) {
            for target in ["", "INBOX"] {
                expected.extend(value.map(|value| Expected {
                    operation: "quota",
                    target,
                    figure,
                    metric: "quota_used_ratio",
                    label: Some(("resource", figure)),
                    value: Value::Ratio(value),
                }));
            }
        }
        expect_in_every_format(user, &expected);
    }
}

#[test]
fn a_mailbox_without_a_quota_has_no_figures_of_it() {
    for user in ["ordinary", "unlimited"] {
        let mut client = dovecot().log_in(user);
        let response = client.run_command_and_read_response("GETQUOTAROOT INBOX").unwrap();
        let response = String::from_utf8(response).unwrap();
        assert!(!response.contains("* QUOTA "), "{response}");
        let run = plugin(user).args(["-O", "quota", "-v"]).run();
        expect(&run, 0);
        assert_eq!(["storage", "messages"].map(|figure| run.figure("quota", "", figure)), [None; 2], "{run:#?}");
    }
}

#[test]
fn mailboxes_are_those_that_another_client_lists() {
    let mut client = dovecot().log_in("ordinary");
    let patterns = [
        ("", "*", 10),
        ("%", "%", 8),
        ("Projects/*", "Projects/*", 2),
        ("inbox", "inbox", 1),
        ("Entwür*", "Entw&APw-r*", 1),
        ("Nowhere*", "Nowhere*", 0),
    ];
    let expected: Vec<Expected> = patterns
        .iter()
        .map(|(target, wire, known)| {
            let count = client.list(Some(""), Some(wire)).unwrap().len();
            assert_eq!(count, *known, "{target}");
            let value = Value::Count(count.try_into().unwrap());
            Expected { operation: "list", target, figure: "mailboxes", metric: "mailboxes", label: None, value }
        })
        .collect();
    expect_in_every_format("ordinary", &expected);
}

#[test]
fn the_write_test_leaves_a_mailbox_as_it_was() {
    let mut client = dovecot().log_in("writer");
    for (mailbox, on_the_wire) in
        [("INBOX", "INBOX"), ("Letters", "Letters"), ("Größe/台北 & mehr", "Gr&APYA3w-e/&U,BTFw- &- mehr")]
    {
        if mailbox != "INBOX" {
            client.create(on_the_wire).unwrap();
        }
        for flags in [&[Flag::Deleted][..], &[], &[Flag::Seen, Flag::Deleted]] {
            let mut append = client.append(on_the_wire, b"From: a@example.org\r\nSubject: mine\r\n\r\n");
            append.flags(flags.iter().cloned()).finish().unwrap();
        }
        let before = list_messages(&mut client, on_the_wire);
        assert_eq!(before.iter().filter(|message| message.contains("Deleted")).count(), 2, "{before:?}");

        let [append, remove, select] = ["append", "remove", "select"].map(|operation| format!("{operation}:{mailbox}"));
        for operations in [
            &[append.as_str()][..],
            &[&select, &append],
            &[&append, "select:Shelf", &remove],
            &[&select, &append, &append, "noop", &remove],
            &[&remove],
        ] {
            let run = plugin("writer").args(operations.iter().flat_map(|operation| ["-O", operation])).run();
            expect(&run, 0);
            let appended = operations.iter().filter(|operation| **operation == append).count();
            let appended = f64::from(u8::try_from(appended).unwrap());
            assert_eq!(run.figure("remove", mailbox, "removed"), Some(appended), "{operations:?}: {run:#?}");
            assert_eq!(list_messages(&mut client, on_the_wire), before, "{operations:?}: {run:#?}");
        }
    }
}

#[test]
fn the_number_of_removed_messages_is_the_same_in_every_format() {
    let mut client = dovecot().log_in("writer");
    client.create("Removed").unwrap();
    let expected = Expected {
        operation: "append",
        target: "Removed",
        figure: "removed",
        metric: "removed_messages",
        label: None,
        value: Value::Count(1),
    };
    expect_in_every_format("writer", &[Expected { operation: "remove", value: Value::Count(0), ..expected }]);
    for (format, run) in in_every_format("writer", &["-O", "append:Removed"]) {
        let own = find_figure(format, &run, &Expected { operation: "remove", ..expected });
        assert_eq!(own, Some(1.0), "{format}: {run:#?}");
    }
}

#[test]
fn what_a_killed_run_has_left_is_removed_by_the_next() {
    let mut client = dovecot().log_in("writer");
    client.create("Left").unwrap();
    let message = written_message(&mut client);
    let own = format!("<check_imap_session {HOST}>");
    assert_eq!(message.matches(&own).count(), 1, "{message}");
    // What is no message of ours on this host: another host, another header.
    let others = [
        message.replace(&own, "<check_imap_session imap.example.net>"),
        message.replace(&own, &format!("<check_imap_session {HOST}1>")),
        message.replace(&own, &format!("<check_imap_session a{HOST}>")),
        message.replace("X-Check-Imap-Session", "X-Other"),
        format!("From: a@example.org\r\nSubject: {own}\r\n\r\n{own}\r\n"),
    ];
    for other in &others {
        client.append("Left", other.as_bytes()).finish().unwrap();
    }
    let before = list_messages(&mut client, "Left");
    for (operation, left, removed) in [("remove:Left", 2, 2.0), ("append:Left", 3, 4.0), ("append:Left", 0, 1.0)] {
        for _ in 0..left {
            client.append("Left", message.as_bytes()).flag(Flag::Seen).finish().unwrap();
        }
        let run = plugin("writer").args(["-O", operation]).run();
        expect(&run, 0);
        assert_eq!(run.figure("remove", "Left", "removed"), Some(removed), "{run:#?}");
        assert_eq!(list_messages(&mut client, "Left"), before, "{run:#?}");
    }
    client.delete("Left").unwrap();
}

#[test]
fn without_esearch_and_literal_plus_the_figures_are_the_same() {
    let mut client = dovecot().log_in("writer");
    client.create("Plain").unwrap();
    for _ in 0..3 {
        client.append("Plain", b"From: a@example.org\r\n\r\n").finish().unwrap();
    }
    let before = list_messages(&mut client, "Plain");
    let port = dovecot().imap_port.to_string();
    let run = Plugin::new(["-H", "127.0.0.10", "-p", &port, "--tls", "none", "-t", LIMIT, "-u", "writer"])
        .password(dovecot().password("writer"))
        .args(["-O", "search:Plain?UNSEEN", "-O", "append:Plain", "-O", "search:Plain?SEEN", "-vvv"])
        .run();
    expect(&run, 0);
    let figures =
        [("search", "Plain?UNSEEN", "matches"), ("search", "Plain?SEEN", "matches"), ("remove", "Plain", "removed")];
    let figures = figures.map(|(operation, target, figure)| run.figure(operation, target, figure));
    assert_eq!(figures, [Some(3.0), Some(0.0), Some(1.0)], "{run:#?}");
    assert!(run.stdout.contains("* SEARCH ") && !run.stdout.contains("ESEARCH"), "{run:#?}");
    assert_eq!(list_messages(&mut client, "Plain"), before, "{run:#?}");
    client.delete("Plain").unwrap();
}

#[test]
fn a_refused_append_or_remove_is_critical_with_the_server_s_words() {
    for (user, mailbox, words) in [
        ("writer", "Shelf", "append Shelf failed: NO [NOPERM] Permission denied"),
        ("ordinary", "Denied", "append Denied failed: NO [NOPERM] Permission denied"),
        ("ordinary", "Nowhere", "append Nowhere failed: NO ["),
        ("full", "INBOX", "append INBOX failed: NO [OVERQUOTA]"),
    ] {
        let run = plugin(user).arg("-Oappend:".to_owned() + mailbox).run();
        expect(&run, 2);
        assert!(run.summary().starts_with(&format!("{HOST}: {words}")), "{run:#?}");
        assert_eq!(run.figure("append", mailbox, "ok"), Some(0.0), "{run:#?}");
    }
    for (user, mailbox) in [("writer", "Shelf"), ("full", "INBOX")] {
        let messages = list_messages(&mut dovecot().log_in(user), mailbox);
        assert!(messages.iter().all(|message| !message.contains("Deleted")), "{messages:?}");
        assert_eq!(messages.len(), if user == "full" { 3 } else { 1 });
    }
}

#[test]
fn a_message_that_the_server_keeps_is_critical_although_it_answers_ok() {
    let run = plugin("writer").args(["-O", "append:Stack"]).run();
    expect(&run, 2);
    let words = "remove Stack failed: the server lets nobody flag messages as deleted in this mailbox";
    assert!(run.summary().starts_with(&format!("{HOST}: {words}")), "{run:#?}");
    assert_eq!(["append", "remove"].map(|operation| run.figure(operation, "Stack", "ok")), [Some(1.0), Some(0.0)]);
    assert_eq!(run.figure("remove", "Stack", "removed"), None);
}

/// The message that the plugin writes: it stays in a mailbox that nothing may be taken out of. Asserts what is known of it.
fn written_message(client: &mut Session<TcpStream>) -> String {
    plugin("writer").args(["-O", "append:Stack"]).run();
    client.examine("Stack").unwrap();
    let ours = client.search("HEADER X-Check-Imap-Session check_imap_session").unwrap();
    let number = ours.into_iter().max().unwrap().to_string();
    let fetched = client.fetch(number, "(FLAGS RFC822.SIZE BODY.PEEK[])").unwrap();
    let fetched = fetched.get(0).unwrap();
    assert!(fetched.flags().contains(&Flag::Seen) && !fetched.flags().contains(&Flag::Deleted), "{fetched:?}");
    assert!(fetched.size.unwrap() < 1024, "{fetched:?}");
    let message = String::from_utf8(fetched.body().unwrap().to_vec()).unwrap();
    let (headers, _) = message.split_once("\r\n\r\n").unwrap();
    let names: Vec<&str> = headers.split("\r\n").map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(names, ["From", "Subject", "Date", "Message-ID", "X-Check-Imap-Session"]);
    let date = headers.split("\r\n").find_map(|line| line.strip_prefix("Date: ")).unwrap();
    let age = Utc::now() - DateTime::parse_from_rfc2822(date).unwrap().to_utc();
    assert!(age < TimeDelta::seconds(20), "{date}");
    message
}

/// Asserts that the plugin yields these figures, in each format.
fn expect_in_every_format(user: &str, expected: &[Expected]) {
    let mut operations: Vec<String> = Vec::new();
    for Expected { operation, target, .. } in expected {
        let colon = if target.is_empty() { "" } else { ":" };
        let operation = format!("-O{operation}{colon}{target}");
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    for (format, run) in in_every_format(user, &operations.iter().map(String::as_str).collect::<Vec<_>>()) {
        for expected in expected {
            let Expected { operation, target, figure, .. } = expected;
            let own = find_figure(format, &run, expected);
            let own = own.unwrap_or_else(|| panic!("no {figure} of {operation} {target} in {format}: {run:#?}"));
            let wanted = number(&expected.value);
            let wanted = match expected.value {
                // Per cent with one decimal.
                Value::Ratio(_) if format != "prometheus" => (wanted * 1000.0).round() / 10.0,
                _ => wanted,
            };
            let most = if matches!(expected.value, Value::Since(_)) { PATIENCE } else { 1e-9 };
            assert!(
                (own - wanted).abs() < most,
                "{operation} {target} {figure} in {format}: {own}, not {wanted}: {run:#?}"
            );
        }
    }
}

/// The same run once in each format, all of them ok.
fn in_every_format(user: &str, arguments: &[&str]) -> Vec<(&'static str, Run)> {
    ["nagios", "json", "prometheus"]
        .map(|format| {
            let run = plugin(user).args(arguments).args(["-o", format]).run();
            assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{format}: {run:#?}");
            (format, run)
        })
        .into()
}

fn find_figure(format: &str, run: &Run, expected: &Expected) -> Option<f64> {
    let Expected { operation, target, figure, .. } = *expected;
    match format {
        "nagios" => run.check_sound().figure(operation, target, figure),
        "json" => {
            let document = json::read(&run.stdout);
            let name = if target.is_empty() { operation.to_owned() } else { format!("{operation} {target}") };
            json::figure(json::phase(&document, &name), figure)
        }
        _ => {
            let text = Exposition::read(&run.stdout);
            let is_it = |labels: &BTreeMap<String, String>| {
                let has = |(label, value): (&str, &str)| labels.get(label).is_some_and(|own| own == value);
                let is_target = labels.get("mailbox").map_or("", String::as_str) == target;
                is_target && has(("phase", operation)) && expected.label.is_none_or(has)
            };
            let family = &text.0[&format!("imap_session_{}", expected.metric)];
            family.iter().find(|(labels, _)| is_it(labels)).map(|(_, value)| *value)
        }
    }
}

/// As it is now.
#[allow(clippy::cast_precision_loss, clippy::as_conversions, reason = "far below 2^52")]
fn number(value: &Value) -> f64 {
    match value {
        Value::Count(count) => f64::from(*count),
        Value::Ratio(ratio) => *ratio,
        Value::Since(date) => (Utc::now() - date.to_utc()).num_seconds() as f64,
    }
}

#[allow(clippy::cast_precision_loss, clippy::as_conversions, reason = "far below 2^52")]
fn ratio(used: u64, limit: u64) -> f64 {
    used as f64 / limit as f64
}

/// UID and flags of each message of a mailbox.
fn list_messages(client: &mut Session<TcpStream>, mailbox: &str) -> Vec<String> {
    client.examine(mailbox).unwrap();
    let fetched = client.uid_fetch("1:*", "FLAGS").unwrap();
    let describe = |fetch: &imap::types::Fetch| {
        // Whoever sees a message first takes `\Recent` from it.
        let mut flags: Vec<String> =
            fetch.flags().iter().filter(|flag| **flag != Flag::Recent).map(ToString::to_string).collect();
        flags.sort();
        format!("{} {}", fetch.uid.unwrap(), flags.join(" "))
    };
    fetched.iter().map(describe).collect()
}

fn plugin(user: &str) -> Plugin {
    let port = dovecot().imaps_port.to_string();
    let server = ["-H", HOST, "-p", &port, "--ca-file", &dovecot().ca_file, "-t", LIMIT, "-u", user];
    Plugin::new(server).password(dovecot().password(user))
}

fn expect(run: &Run, code: i32) {
    run.check_sound();
    assert_eq!(run.code, code, "{run:#?}");
}
