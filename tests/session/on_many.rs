//! Several connections in one run: fresh ones after a hung or lost mailbox, and one to every address of a name. What goes
//! wrong at one of them costs no other.
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::case::{PASSWORD, USER, skip_host};
use crate::resolver::Resolver;
use crate::testkit::dovecot::dovecot;
use crate::testkit::json::{phase, read};
use crate::testkit::labels::expected;
use crate::testkit::plan::{GREETING, Mode, Plan, Task};
use crate::testkit::plugin::{Plugin, Run, skipped};
use crate::testkit::server::{Record, Server};
use crate::testkit::step::{Step, expect, leave, send, tagged};
use crate::testkit::well_behaved::well;

use Step::{Close, HalfClose, Reset, Silence};

#[test]
fn a_mailbox_that_hangs_or_loses_the_connection_costs_no_other() {
    for (fault, code, said) in [
        (vec![Silence], 1, "timed out after 0.400 s (its limit 0.4 s)"),
        (vec![send("* BYE Too many connections\r\n"), Close], 2, "failed: connection closed by the server"),
        (vec![Close], 2, "failed: connection closed"),
        (vec![HalfClose], 2, "failed: connection closed"),
        (vec![Reset], 2, "failed: connection reset"),
        (vec![send("zz9 OK\r\n"), Silence], 2, "failed: the server answered something else"),
    ] {
        let first = session(&[("one", good(1)), ("two", fault)]);
        let second = session(&[("three", good(3)), ("four", good(4))]);
        let (run, record) = run(vec![first, second], &["one", "two", "three", "four"], "-v --limit select:two=400ms");
        assert_eq!(run.code, code, "{run:#?}");
        assert!(skip_host(&run).starts_with(&format!("select two {said}")), "{run:#?}");
        assert_eq!(opened(&run, &["one", "two", "three", "four"]), ["one", "three", "four"]);
        for (name, messages) in [("one", Some(1.0)), ("two", None), ("three", Some(3.0)), ("four", Some(4.0))] {
            assert_eq!(run.figure("select", name, "messages"), messages, "{run:#?}");
            let fresh = run.phase_line(&format!("select {name}")).unwrap().contains("over a fresh connection");
            assert_eq!(fresh, messages > Some(1.0), "{name}: {run:#?}");
        }
        assert!(run.phase_line("logout").unwrap().starts_with("logout: 0."), "{run:#?}");
        assert_eq!((record.connections, commands(&record, "LOGOUT")), (2, 1));
    }
}

#[test]
fn several_bad_mailboxes_in_a_row_get_one_try_each() {
    let names = ["one", "two", "three", "four", "five", "six"];
    let refused = vec![tagged("NO [NOPERM] not you")];
    let scripts = vec![
        session(&[("one", vec![Silence])]),
        session(&[("two", vec![send("* BYE go away\r\n"), Close])]),
        session(&[("three", vec![Close])]),
        session(&[("four", refused), ("five", vec![Reset])]),
        session(&[("six", good(6))]),
    ];
    let (run, record) = run(scripts, &names, "--limit select:one=300ms");
    assert_eq!(run.code, 2, "{run:#?}");
    assert_eq!(opened(&run, &names), ["six"]);
    for (name, said) in [
        ("one", "timed out after 0.300 s"),
        ("two", "failed: connection closed by the server, its last line: BYE go away"),
        ("three", "failed: connection closed"),
        ("four", "failed: NO [NOPERM] not you"),
        ("five", "failed: connection reset"),
        ("six", "0."),
    ] {
        let line = run.phase_line(&format!("select {name}")).unwrap();
        assert!(line.starts_with(&format!("select {name}: {said}")), "{run:#?}");
        let tries = record.lines().iter().filter(|line| line.contains(&format!("\"{name}\""))).count();
        // Words that the server met with a reset are never read.
        assert_eq!(tries, usize::from(name != "five"), "{name}: {record:#?}");
    }
    assert_eq!((record.connections, commands(&record, "LOGIN")), (5, 5));
}

#[test]
fn an_address_that_never_answers_is_reported_once_however_often_it_is_tried() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let lost = |name| session(&[(name, vec![Close])]);
    let server = Server::in_turn(vec![lost("one"), lost("two"), session(&[("three", good(3))])]);
    let plugin = mailboxes_of("imap.example.org", server.port, &["one", "two", "three"]).args(["-o", "json"]);
    let run = shim.answer(plugin, format!("{NOBODY},{V4}")).run();
    let json = read(&run.stdout);
    assert_eq!(phase(&json, "select three")["outcome"], "ok", "{run:#?}");
    let unanswered = json["connections"][0]["unanswered"].as_array().unwrap();
    assert_eq!(unanswered.len(), 1, "{run:#?}");
    assert_eq!((&unanswered[0]["address"], &unanswered[0]["reason"]), (&NOBODY.into(), &"connection refused".into()));
}

/// Each lost connection leaves a worker that has something to say of every mailbox behind it.
#[test]
fn a_connection_lost_at_each_of_many_mailboxes_keeps_nobody() {
    let names: Vec<String> = (0..250).map(|number| format!("m{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for _ in 0..4 {
        let pairs = names.chunks(2);
        let scripts = pairs.map(|pair| session(&[(pair[0], good(1)), (pair[1], vec![Close])])).collect();
        let (run, record) = run(scripts, &names, "-t 60");
        assert_eq!((run.code, opened(&run, &names).len()), (2, 125));
        assert_eq!((record.connections, commands(&record, "LOGIN")), (125, 125));
    }
}

#[test]
fn a_server_that_closes_each_fresh_connection_at_once_gets_three_of_them() {
    let names: Vec<String> = (0..100).map(|number| format!("m{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let bye = || vec![send("* BYE Too many commands\r\n"), Close];
    for (good_ones, logins) in [(0, 4), (3, 4)] {
        let first: Vec<(&str, Vec<Step>)> = names[..good_ones].iter().map(|name| (*name, good(1))).collect();
        let mut scripts = vec![session(&[first, vec![(names[good_ones], bye())]].concat())];
        scripts.extend(names[good_ones + 1..].iter().map(|name| session(&[(name, bye())])));
        let (run, record) = run(scripts, &names, "-t 60");
        assert_eq!((run.code, opened(&run, &names).len()), (2, good_ones));
        assert_eq!((record.connections, commands(&record, "LOGIN")), (logins, logins));
        let why = "3 fresh connections in a row were lost at once";
        assert!(skip_host(&run).starts_with("4 of 100 operations failed: select m"), "{run:#?}");
        assert_eq!(run.summary().matches("BYE Too many commands").count(), 1, "{run:#?}");
        let not_run = format!("select m{} and {} more not run: {why}, ", good_ones + 4, 95 - good_ones);
        assert!(run.summary().contains(&not_run) && run.summary().contains("login 0."), "{run:#?}");
        assert_eq!(run.phase_line("select m99").unwrap(), format!("select m99: not run: {why}"));
        assert_eq!(run.figure("select", "m99", "ok"), Some(0.0));
    }
}

#[test]
fn a_refused_mailbox_needs_no_fresh_connection_and_nor_does_the_last_one() {
    let refused = |text| vec![tagged(text)];
    let script = session(&[("one", refused("NO [NOPERM] not you")), ("two", refused("BAD what")), ("three", good(3))]);
    let (first, record) = run(vec![script], &["one", "two", "three"], "");
    assert_eq!(opened(&first, &["one", "two", "three"]), ["three"]);
    assert_eq!((record.connections, commands(&record, "LOGIN")), (1, 1));

    let script = session(&[("one", good(1)), ("two", vec![Silence])]);
    let (second, record) = run(vec![script, well(Mode::Clear)], &["one", "two"], "--limit select=300ms");
    assert_eq!(second.code, 1, "{second:#?}");
    assert_eq!(record.connections, 1, "nothing is left to be done over another one");
}

#[test]
fn a_fresh_connection_that_cannot_be_set_up_is_reported_in_each_mailbox_that_it_cost() {
    let lost = || session(&[("one", vec![Close])]);
    let hung = || session(&[("one", vec![Silence])]);
    let no_login = vec![send(GREETING), expect("LOGIN"), tagged("NO [LIMIT] Maximum number of connections exceeded")];
    let bye = vec![send("* BYE Too many connections\r\n"), Close];
    let said = "could not connect again: ";
    for (scripts, code, why) in [
        (vec![lost()], 2, "connect failed: 127.0.0.1 port"),
        (vec![hung()], 1, "connect failed: 127.0.0.1 port"),
        (vec![lost(), no_login.clone()], 2, "login failed: NO [LIMIT] Maximum number of connections exceeded"),
        (vec![hung(), [no_login, leave()].concat()], 1, "login failed: NO [LIMIT]"),
        (vec![hung(), bye], 1, "greeting failed: BYE Too many connections"),
        (vec![lost(), vec![Close]], 2, "greeting failed: connection closed"),
        (vec![hung(), vec![send("220 mail ESMTP\r\n"), Silence]], 1, "greeting failed: not an IMAP greeting: 220 mail"),
    ] {
        let (run, _) = run(scripts, &["one", "two", "three"], "--limit select=300ms");
        assert_eq!(run.code, code, "{run:#?}");
        assert!(skip_host(&run).starts_with("select one "), "{run:#?}");
        for name in ["two", "three"] {
            let line = run.phase_line(&format!("select {name}")).unwrap();
            let wanted = format!("select {name}: not run: {said}{why}");
            assert!(line.starts_with(&wanted), "not {wanted}: {run:#?}");
        }
        assert!(opened(&run, &["one", "two", "three"]).is_empty(), "{run:#?}");
        assert_eq!(run.value("login_ok"), Some(1.0), "the login of the plan was good: {run:#?}");
        assert_eq!(run.value("select_two"), None);
    }
}

#[test]
fn the_total_limit_bounds_a_fresh_connection_that_hangs() {
    let waits = send("* OK [INUSE] wait\r\n");
    for (name, second, last_words) in [
        ("before the greeting", vec![Silence], ""),
        ("in the login", vec![send(GREETING), expect("LOGIN"), Silence], ""),
        ("in the login, with words", vec![send(GREETING), expect("LOGIN"), waits, Silence], "OK [INUSE] wait"),
    ] {
        let scripts = vec![session(&[("one", vec![Silence])]), second];
        let (run, record) = run(scripts, &["one", "two", "three"], "-t 3 --limit select=300ms");
        assert_eq!(run.code, 1, "{name}: {run:#?}");
        assert!(run.elapsed < Duration::from_secs(10), "{name}: {run:#?}");
        let total = run.value("total").unwrap();
        assert!((2.99..3.5).contains(&total), "{name}: {run:#?}");
        assert_eq!(run.value("timed_out"), Some(1.0));
        assert_eq!(record.connections, 2);
        for mailbox in ["two", "three"] {
            let line = run.phase_line(&format!("select {mailbox}")).unwrap();
            assert!(line.contains("not run: could not connect again: "), "{name}: {run:#?}");
            assert!(line.contains("total limit") && line.ends_with(last_words), "{name}: {run:#?}");
        }
    }
}

#[test]
fn the_total_limit_bounds_many_mailboxes_that_hang() {
    let names = ["one", "two", "three", "four", "five", "six"];
    let scripts = names.map(|name| session(&[(name, vec![Silence])]));
    let (run, _) = run(scripts.to_vec(), &names, "-t 3 --limit select=700ms");
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.elapsed < Duration::from_secs(10), "{run:#?}");
    assert!(run.value("total").unwrap() < 3.5, "{run:#?}");
    assert!(opened(&run, &names).is_empty(), "{run:#?}");
    // How far it comes depends on the machine, that it never comes to the last one does not.
    for name in names {
        let line = run.phase_line(&format!("select {name}")).unwrap();
        assert!(line.contains(": timed out after ") || line.contains(": not run: "), "{run:#?}");
    }
    assert!(run.phase_line("select six").unwrap().contains("not run"), "{run:#?}");
}

#[test]
fn the_server_is_rid_of_a_connection_that_was_given_up() {
    let first = session(&[("one", vec![Silence])]);
    let second = session(&[("two", vec![Silence])]);
    let server = Server::in_turn(vec![first, second]);
    // Only a server that saw the first client leave while the second one waits has this run ended.
    let due = server.watch(|record| record.left && record.contains("\"two\""));
    let plugin = mailboxes(server.port, &["one", "two"]).args(["--limit", "select:one=300ms", "-t", "30"]);
    let run = plugin.signals(&["TERM"], due).run();
    run.check_sound();
    let line = run.phase_line("select two").unwrap();
    assert!(line.starts_with("select two: failed: ended by SIGTERM"), "{run:#?}");
}

#[test]
fn durations_stay_those_of_the_phases_alone() {
    let slow = Step::Pause(Duration::from_millis(600));
    let first = session(&[("one", good(1)), ("two", vec![Silence])]);
    let second = [vec![slow], session(&[("three", good(3))])].concat();
    let (run, _) = run(vec![first, second], &["one", "two", "three"], "--limit select:two=300ms -v");
    assert_eq!(run.code, 1, "{run:#?}");
    let phases = ["resolve", "connect", "greeting", "login", "select_one", "select_two", "select_three"];
    let sum: f64 = phases.iter().map(|label| run.value(label).unwrap()).sum();
    let total = run.value("total").unwrap();
    assert!(total >= sum + 0.599, "the set-up is in a phase: {sum} of {total}: {run:#?}");
    assert_eq!(run.value("select_two"), Some(0.3));
}

#[test]
fn of_several_addresses_the_one_in_use_is_named_if_something_is_wrong_behind_connect() {
    let login = |answer| vec![send(GREETING), expect("LOGIN"), answer, Silence];
    let second = session(&[("two", vec![Close])]);
    let Some(shim) = Resolver::build() else {
        return;
    };
    for (scripts, args, said) in [
        (vec![vec![Silence]], "--limit greeting=300ms", "greeting timed out after 0.300 s (its limit 0.3 s)"),
        (vec![vec![Silence]], "--tls implicit --limit tls=300ms", "tls timed out after 0.300 s (its limit 0.3 s)"),
        (vec![vec![send("* BYE full\r\n"), Close]], "", "greeting failed: BYE full"),
        (vec![login(tagged("NO not you"))], "", "login failed: NO not you"),
        (vec![login(Close)], "", "login failed: connection closed by the server"),
        (vec![session(&[("one", vec![Close])]), second], "", "select one failed: connection closed by the server"),
    ] {
        for format in ["nagios", "timeline"] {
            let server = Server::in_turn(scripts.clone());
            let plugin = mailboxes_of("imap.example.org", server.port, &["one", "two"])
                .args(args.split_whitespace())
                .args(["-o", format]);
            let run = shim.answer(plugin, format!("{NOBODY},{V4}")).run();
            assert_eq!(run.code, 2, "{run:#?}");
            let said = format!("imap.example.org: {V4} {said}");
            assert!(run.stdout.replace("\n  ", " ").contains(&said), "{said}: {run:#?}");
        }
    }
}

#[test]
fn every_address_has_its_labels_in_sorted_order_whatever_the_resolver_says() {
    let Some(nodes) = Nodes::start([(V4, whole(1)), (OTHER, whole(2)), (V6, whole(3))]) else {
        return;
    };
    let mut labels = Vec::new();
    for order in [[V4, OTHER, V6], [V6, OTHER, V4], [OTHER, V6, V4], [V6, V4, OTHER]] {
        let run = nodes.run(&order, "-v");
        assert_eq!(run.code, 0, "{run:#?}");
        for (number, (address, messages)) in (1..).zip([(V4, 1.0), (OTHER, 2.0), (V6, 3.0)]) {
            assert_eq!(run.figure_at(number, "select", "INBOX", "messages"), Some(messages), "{run:#?}");
            assert_eq!(run.value(&format!("login_ok_a{number}")), Some(1.0), "{run:#?}");
            let lines = node_lines(&run, address);
            assert_eq!(lines.len(), 1, "{address}: {run:#?}");
            assert!(lines[0].starts_with("[OK] "), "{run:#?}");
            for phase in ["connect ", "greeting ", "login ", "select INBOX ", "logout "] {
                assert!(lines[0].contains(phase), "{phase} of {address}: {run:#?}");
            }
        }
        assert_eq!(run.phase_line("resolve").map(|line| line.starts_with("resolve: 0.")), Some(true));
        labels.push(run.labels());
    }
    assert!(labels.iter().all(|each| *each == labels[0]), "{labels:#?}");
    let each = |label: &str| [1, 2, 3].map(|number| format!("{label}_a{number}"));
    let of_one = Plan::of_mailboxes(Mode::Clear, &["INBOX"]);
    let of_each = |label: &String| !["resolve", "total", "timed_out"].contains(&label.as_str());
    for label in expected(&of_one).into_iter().map(|expected| expected.label).filter(of_each) {
        let place = each(&label).map(|label| labels[0].iter().position(|said| *said == label).expect(&label));
        assert!(place.is_sorted(), "{label}: {labels:#?}");
    }
    for label in ["resolve", "total", "timed_out"] {
        assert_eq!(labels[0].iter().filter(|said| said.starts_with(label)).count(), 1, "{label}");
    }
}

#[test]
fn an_address_that_the_resolver_says_twice_is_checked_once() {
    let Some(nodes) = Nodes::start([(V4, whole(1))]) else {
        return;
    };
    let run = nodes.run(&[V4, V4], "");
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.value("login_ok_a2"), None);
    assert_eq!(nodes.finish()[0].connections, 1);
}

#[test]
fn a_dead_node_is_found() {
    let Some(nodes) = Nodes::start([(V4, whole(1)), (OTHER, whole(2))]) else {
        return;
    };
    let all = [OTHER, NOBODY, V4];
    let run = nodes.run(&all, "");
    assert_eq!(run.code, 2, "{run:#?}");
    let said = format!("{NOBODY} connect failed: ");
    assert!(run.summary().contains(&said) && run.summary().contains("refused"), "{run:#?}");
    assert_eq!([1, 2, 3].map(|n| run.value(&format!("login_ok_a{n}"))), [Some(1.0), Some(1.0), Some(0.0)]);
    assert!(node_lines(&run, NOBODY)[0].starts_with("[CRITICAL] "), "{run:#?}");
    assert!(node_lines(&run, V4)[0].starts_with("[OK] "), "{run:#?}");

    // A check of the name alone does not see it.
    let plugin = nodes.shim.answer(nodes.plugin(), listed(&all));
    assert_eq!(plugin.run().check_sound().code, 0);
}

#[test]
fn the_worst_node_gives_the_state() {
    let refused = [vec![send(GREETING), expect("LOGIN"), tagged("NO [AUTHENTICATIONFAILED] no")], leave()].concat();
    let hangs = || session(&[("INBOX", vec![Silence])]);
    for (third, code, first) in [
        (whole(3), 1, format!("{OTHER} select INBOX timed out after 0.400 s")),
        (refused, 2, format!("{THIRD} login failed: NO [AUTHENTICATIONFAILED] no")),
    ] {
        let Some(nodes) = Nodes::start([(V4, whole(1)), (OTHER, hangs()), (THIRD, third)]) else {
            return;
        };
        let run = nodes.run(&[V4, OTHER, THIRD], "--limit select=400ms");
        assert_eq!(run.code, code, "{run:#?}");
        let summary = run.summary().split_once(": ").unwrap().1;
        assert!(summary.starts_with(&first), "{run:#?}");
        let states =
            [V4, OTHER, THIRD].map(|address| node_lines(&run, address)[0].split(' ').next().unwrap().to_owned());
        assert_eq!(states, ["[OK]", "[WARNING]", if code == 1 { "[OK]" } else { "[CRITICAL]" }]);
    }
}

#[test]
fn a_hung_node_delays_no_other_and_ends_in_time() {
    for hung in [vec![Silence], vec![send(GREETING), expect("LOGIN"), Silence]] {
        let Some(nodes) = Nodes::start([(V4, hung), (OTHER, whole(2)), (THIRD, whole(3))]) else {
            return;
        };
        let run = nodes.run(&[THIRD, V4, OTHER], "-t 3");
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.elapsed < Duration::from_secs(10), "{run:#?}");
        assert!(run.value("total").unwrap() < 3.5, "{run:#?}");
        assert_eq!([1, 2, 3].map(|n| run.value(&format!("login_ok_a{n}"))), [Some(0.0), Some(1.0), Some(1.0)]);
        assert!(run.summary().starts_with(&format!("imap.example.org: {V4} ")), "{run:#?}");
        assert!(run.summary().contains("(total limit 3 s)"), "{run:#?}");
        assert_eq!(run.value("timed_out"), Some(1.0));
        let records = nodes.finish();
        assert!(records[1].contains("LOGOUT") && records[2].contains("LOGOUT"), "{records:#?}");
    }
}

#[test]
fn a_fresh_connection_goes_to_the_node_that_lost_the_mailbox() {
    let names = ["one", "two"];
    let lost = session(&[("one", vec![Close])]);
    // Every connection to the second node loses the first mailbox that it is asked for.
    let Some(nodes) = Nodes::start([(V4, session(&[("one", good(1)), ("two", good(2))])), (OTHER, lost)]) else {
        return;
    };
    let plugin = mailboxes_of("imap.example.org", nodes.port, &names).arg("--every-address");
    let run = nodes.shim.answer(plugin, listed(&[V4, OTHER])).run();
    assert_eq!(run.check_sound().code, 2, "{run:#?}");
    let ok = ["select_one_ok_a1", "select_two_ok_a1", "select_one_ok_a2", "select_two_ok_a2"];
    assert_eq!(ok.map(|label| run.value(label)), [Some(1.0), Some(1.0), Some(0.0), Some(0.0)]);
    let connections: Vec<usize> = nodes.finish().iter().map(|record| record.connections).collect();
    assert_eq!(connections, [1, 2]);
}

#[test]
fn each_line_of_a_dialogue_has_its_address_in_front() {
    let Some(nodes) = Nodes::start([(V4, whole(1)), (OTHER, whole(1))]) else {
        return;
    };
    let run = nodes.shim.answer(nodes.plugin().args(["--every-address", "-vvv"]), listed(&[V4, OTHER])).run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    for address in [V4, OTHER] {
        let is_login = |line: &&str| line.starts_with(&format!("{address} 0.")) && line.contains(" C: a1 LOGIN ");
        assert_eq!(run.long_text().into_iter().filter(is_login).count(), 1, "{run:#?}");
    }
}

#[test]
fn a_signal_ends_every_address_and_keeps_what_was_measured() {
    let Some(nodes) = Nodes::start([(V4, whole(1)), (OTHER, ended_in_login()), (THIRD, ended_in_login())]) else {
        return;
    };
    let waiting = [1, 2].map(|node| nodes.servers[node].watch(|record| record.contains("LOGIN")));
    let done = nodes.servers[0].watch(|record| record.left);
    let due = move || waiting.iter().all(|waits| waits()) && done();
    let plugin = nodes.plugin().args(["--every-address", "-t", "60"]).signals(&["TERM"], due);
    let run = nodes.shim.answer(plugin, listed(&[V4, OTHER, THIRD])).run();
    run.check_sound();
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.elapsed < Duration::from_secs(30), "{run:#?}");
    assert_eq!([1, 2, 3].map(|n| run.value(&format!("login_ok_a{n}"))), [Some(1.0), Some(0.0), Some(0.0)]);
    assert_eq!(run.figure_at(1, "select", "INBOX", "messages"), Some(1.0));
    for address in [OTHER, THIRD] {
        let said = node_lines(&run, address)[0].contains("login failed: ended by SIGTERM after ");
        assert!(said, "{run:#?}");
    }
}

#[test]
fn sixteen_servers_that_pour_out_a_line_each_stay_within_the_memory_of_a_run() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    for tls in [false, true] {
        let flood = Step::Flood { bytes: b"x".repeat(8192), at_most: 4 << 20 };
        let script = if tls { vec![Step::StartTls, flood, Silence] } else { vec![flood, Silence] };
        let first = Server::at((IpAddr::from([127, 0, 1, 1]), 0).into(), script.clone()).unwrap();
        let others: Vec<Server> = (2..=16)
            .map(|node| Server::at((IpAddr::from([127, 0, 1, node]), first.port).into(), script.clone()).unwrap())
            .collect();
        let names: Vec<String> = (1..=16).map(|node| format!("127.0.1.{node}")).collect();
        let plugin = mailboxes_of("imap.example.org", first.port, &["INBOX"]).args(["--every-address", "-t", "60"]);
        let plugin = if tls { plugin.args(["--tls", "implicit", "--no-verify"]) } else { plugin };
        let run = shim.load(plugin).env("SHIM_ADDRESSES", names.join(",")).run();
        assert_eq!(run.check_sound().code, 2, "{run:#?}");
        assert!(run.peak_kib < 16 * 1024, "{} KiB of memory, TLS {tls}", run.peak_kib);
        drop(others);
    }
}

#[test]
fn a_name_that_does_not_resolve_is_one_failure() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let plugin = || mailboxes_of("imap.example.org", 1, &["INBOX"]).args(["--every-address", "-t", "1"]);
    let unknown = shim.load(plugin()).env("SHIM_FAILS", "-2").run();
    let silent = shim.load(plugin()).run();
    for (run, said) in [(unknown, "resolve failed: "), (silent, "resolve timed out after ")] {
        run.check_sound();
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.elapsed < Duration::from_secs(8), "{run:#?}");
        assert!(run.summary().starts_with(&format!("imap.example.org: {said}")), "{run:#?}");
        assert_eq!(run.value("login_ok_a1"), Some(0.0), "{run:#?}");
        let cause = said.trim_end_matches(" after ").trim_end_matches(": ");
        assert!(run.stdout.contains(&format!("not run: {cause}")), "{run:#?}");
    }
}

#[test]
fn more_addresses_than_are_checked_are_reported() {
    let names: Vec<String> = (1..=18).map(|node| format!("127.0.1.{node}")).collect();
    let nodes: Vec<&str> = names.iter().map(String::as_str).collect();
    let Some(nodes) = Nodes::start(nodes.into_iter().map(|node| (node, whole(1)))) else {
        return;
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let run = nodes.run(&names, "");
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stdout.contains("2 more addresses not checked"), "{run:#?}");
    assert_eq!(run.value("login_ok_a16"), Some(1.0));
    assert_eq!(run.value("login_ok_a17"), None);
    let called = nodes.finish().iter().filter(|record| record.connections > 0).count();
    assert_eq!(called, 16);
}

#[test]
fn that_addresses_are_not_checked_is_reported_however_bad_the_others_are() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let names: Vec<String> = (1..=18).map(|node| format!("127.0.1.{node}")).collect();
    let plugin = mailboxes_of("imap.example.org", 1, &["INBOX"]).arg("--every-address");
    let run = shim.load(plugin).env("SHIM_ADDRESSES", names.join(",")).run();
    run.check_sound();
    assert_eq!(run.code, 2, "{run:#?}");
    // The same reason of many addresses is said once.
    let wanted = "imap.example.org: 16 of 16 addresses failed: 127.0.1.1 connect, 127.0.1.2 connect, 127.0.1.3 connect, \
                  and 13 more: port 1: connection refused, 2 more addresses not checked";
    assert!(run.summary().ends_with(wanted), "{run:#?}");
}

#[test]
fn each_address_stands_before_what_went_well_there_though_its_login_did_not() {
    let Some(nodes) = Nodes::start([(V4, whole(1)), (OTHER, whole(2))]) else {
        return;
    };
    let run = nodes.run(&[V4, OTHER], "-w login=60:");
    assert_eq!(run.code, 1, "{run:#?}");
    for address in [V4, OTHER] {
        assert!(run.summary().contains(&format!(", {address} INBOX 0.")), "{run:#?}");
    }
}

#[test]
fn addresses_are_counted_by_the_phase_that_failed_there() {
    let refused = || vec![send(GREETING), expect("LOGIN"), tagged("NO [UNAVAILABLE] later"), expect("LOGOUT")];
    let names: Vec<String> = (1..=8).map(|node| format!("127.0.1.{node}")).collect();
    let nodes: Vec<&str> = names.iter().map(String::as_str).collect();
    let scripts = |number: usize| if number < 3 { vec![send("* BYE no room\r\n"), Close] } else { refused() };
    let Some(all) = Nodes::start(nodes.iter().enumerate().map(|(number, node)| (*node, scripts(number)))) else {
        return;
    };
    let run = all.run(&nodes, "");
    assert_eq!(run.code, 2, "{run:#?}");
    let wanted = "127.0.1.1 greeting, 127.0.1.2 greeting and 127.0.1.3 greeting failed: BYE no room, 5 of 8 addresses \
                  failed: 127.0.1.4 login, 127.0.1.5 login, 127.0.1.6 login, and 2 more: NO [UNAVAILABLE] later";
    assert!(run.summary().ends_with(wanted), "{run:#?}");
}

#[test]
fn a_real_node_with_an_expired_certificate_is_found_behind_a_good_one() {
    let Some(shim) = Resolver::build() else {
        return;
    };
    let dovecot = dovecot();
    let port = dovecot.imaps_port.to_string();
    let plugin = || {
        Plugin::new(["-H", "imap.example.org", "-p", &port, "-u", "ordinary", "--ca-file", &dovecot.ca_file])
            .arg("--password-file")
            .arg(dovecot.password_file("ordinary"))
            .args(["-m", "INBOX", "-m", "Archive", "-t", "25"])
    };
    for order in ["127.0.0.1,127.0.0.2", "127.0.0.2,127.0.0.1"] {
        let run = shim.answer(plugin().arg("--every-address"), order).run();
        run.check_sound();
        assert_eq!(run.code, 2, "{run:#?}");
        let said = "127.0.0.2 tls failed: certificate has expired (3 days ago)";
        assert!(run.summary().contains(said), "{run:#?}");
        assert!(run.summary().contains("127.0.0.1 login 0."), "{run:#?}");
        assert_eq!(run.figure_at(1, "select", "Archive", "messages"), Some(5.0));
        assert_eq!(run.value("login_ok_a2"), Some(0.0));
        assert!(
            run.figure_at(1, "tls", "", "cert_days") > Some(300.0)
                && run.figure_at(2, "tls", "", "cert_days") < Some(-2.0),
            "{run:#?}"
        );
    }
    let run = shim.answer(plugin(), "127.0.0.1,127.0.0.2").run();
    assert_eq!(run.check_sound().code, 0, "the name alone looks good: {run:#?}");
}

const V4: &str = "127.0.0.1";
const OTHER: &str = "127.0.0.2";
const THIRD: &str = "127.0.0.3";
/// Nobody listens there.
const NOBODY: &str = "127.0.0.9";
const V6: &str = "::1";

/// The nodes behind a name: a server on each of these addresses, all on one port.
struct Nodes {
    port: u16,
    servers: Vec<Server>,
    shim: Resolver,
}

impl Nodes {
    /// None, said loudly, where the resolver or IPv6 is missing.
    fn start<'a>(nodes: impl IntoIterator<Item = (&'a str, Vec<Step>)>) -> Option<Self> {
        let nodes: Vec<(IpAddr, Vec<Step>)> =
            nodes.into_iter().map(|(address, script)| (address.parse().unwrap(), script)).collect();
        if let Some((v6, _)) = nodes.iter().find(|(address, _)| address.is_ipv6())
            && let Err(error) = Server::at(SocketAddr::new(*v6, 0), Vec::new())
        {
            skipped(&format!("a test of two address families needs {v6}: {error}"));
            return None;
        }
        let shim = Resolver::build()?;
        // A port that is free on one address may be taken on another.
        for _ in 0..50 {
            let mut port = 0;
            let servers = nodes.iter().map_while(|(address, script)| {
                let server = Server::at(SocketAddr::new(*address, port), script.clone()).ok()?;
                port = server.port;
                Some(server)
            });
            let servers: Vec<Server> = servers.collect();
            if servers.len() == nodes.len() {
                return Some(Self { port, servers, shim });
            }
        }
        panic!("no port is free on all addresses");
    }

    fn plugin(&self) -> Plugin {
        mailboxes_of("imap.example.org", self.port, &["INBOX"])
    }

    fn run(&self, order: &[&str], args: &str) -> Run {
        let plugin = self.plugin().arg("--every-address").args(args.split_whitespace());
        let run = self.shim.answer(plugin, listed(order)).run();
        run.check_sound();
        assert!(!run.stdout.contains(PASSWORD), "{run:#?}");
        run
    }

    fn finish(self) -> Vec<Record> {
        self.servers.into_iter().map(Server::finish).collect()
    }
}

fn listed(addresses: &[&str]) -> String {
    addresses.join(",")
}

/// The lines of one address.
fn node_lines<'a>(run: &'a Run, address: &str) -> Vec<&'a str> {
    let of_address =
        |line: &&str| line.split_once("] ").is_some_and(|(_, said)| said.starts_with(&format!("{address}: ")));
    run.long_text().into_iter().filter(of_address).collect()
}

/// A run over these connections, held to what holds for every run.
fn run(scripts: Vec<Vec<Step>>, names: &[&str], args: &str) -> (Run, Record) {
    let server = Server::in_turn(scripts);
    let run = mailboxes(server.port, names).args(args.split_whitespace()).run();
    run.check_sound();
    assert!(!run.stdout.contains(PASSWORD), "{run:#?}");
    let record = server.finish();
    record.check_expected();
    (run, record)
}

fn mailboxes(port: u16, names: &[&str]) -> Plugin {
    mailboxes_of("127.0.0.1", port, names)
}

fn mailboxes_of(host: &str, port: u16, names: &[&str]) -> Plugin {
    Plugin::new(["-H", host, "-p", &port.to_string(), "-u", USER, "--tls", "none"])
        .args(names.iter().flat_map(|name| ["-m", name]))
        .args(["-t", "60"])
        .password(PASSWORD)
}

/// A session in which the mailboxes are answered so; its LOGOUT comes where the last answer lets it.
fn session(mailboxes: &[(&str, Vec<Step>)]) -> Vec<Step> {
    let mut script = vec![send(GREETING), expect("LOGIN"), tagged("OK Logged in")];
    for (name, answer) in mailboxes {
        // A reset needs the client's words unread.
        if !matches!(answer[..], [Reset]) {
            script.push(expect(name));
        }
        script.extend(answer.iter().cloned());
    }
    script.extend(leave());
    script
}

fn whole(messages: u32) -> Vec<Step> {
    // The server goes on reading until the client has left.
    let mut script = session(&[("INBOX", good(messages))]);
    script.pop();
    script.push(Silence);
    script
}

fn ended_in_login() -> Vec<Step> {
    vec![send(GREETING), expect("LOGIN"), Silence]
}

fn good(messages: u32) -> Vec<Step> {
    Task::new("select", "").yielding("messages", messages.into()).answer()
}

/// The mailboxes that are reported as good.
fn opened<'a>(run: &Run, names: &[&'a str]) -> Vec<&'a str> {
    let is_ok = |name: &&str| run.value(&format!("select_{name}_ok")).unwrap() > 0.5;
    names.iter().copied().filter(is_ok).collect()
}

fn commands(record: &Record, command: &str) -> usize {
    record.commands().iter().filter(|each| *each == command).count()
}
