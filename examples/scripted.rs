//! `scripted DIR`: the IMAP server of `make demo` on a machine without Dovecot. It is the test kit's scripted server, with TLS
//! on loopback. DIR gets what `tests/dovecot.sh` puts there, as far as the demo needs it: passwords, the CA, and `env`
//! as soon as the server answers. It serves until it is killed.
//!
//! The user `ordinary` has a small account at 127.0.0.1 and, if there is IPv6, at its loopback address. At 127.0.0.2 the
//! certificate has expired. `SILENT_PORT` on 127.0.0.1 accepts and then says nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program for people who try it: it stops if it cannot go on"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::{env, fs, iter, process, thread};

use testkit::identity;
use testkit::plan::CAPABILITIES;
use testkit::server::Server;
use testkit::step::{Answers, Step, expect, send, tagged};
use testkit::task::Task;

#[path = "../tests/testkit"]
#[allow(dead_code, clippy::panic, clippy::indexing_slicing, missing_docs, reason = "the tests use the rest")]
mod testkit {
    mod connection;
    pub mod exchange;
    pub mod identity;
    pub mod labels;
    pub mod nagios;
    pub mod plan;
    pub mod server;
    pub mod step;
    pub mod task;
}

const USER: &str = "ordinary";
const PASSWORD: &str = "Plain-Sailing-4711";
/// More than a client sends over one connection.
const COMMANDS: usize = 1000;
const EXPIRED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn main() {
    let folder = env::args().nth(1).expect("usage: scripted DIR");
    let folder = Path::new(&folder);
    let good = Server::start(play(Step::StartTls));
    let at = |address: IpAddr, tls| Server::at((address, good.port).into(), play(tls));
    let expired =
        at(EXPIRED.into(), Step::StartTlsAs(identity::EXPIRED.clone())).expect("the port is free on 127.0.0.2, too");
    // Not every machine has IPv6.
    let v6 = at(Ipv6Addr::LOCALHOST.into(), Step::StartTls).ok();
    let silent = Server::start(vec![Step::Silence]);

    fs::create_dir_all(folder.join("passwords")).unwrap();
    fs::write(folder.join("passwords").join(USER), format!("{PASSWORD}\n")).unwrap();
    let ca_file = folder.join("ca.pem");
    fs::copy(good.ca_file(), &ca_file).unwrap();
    let facts = [
        format!("DIR={}", folder.display()),
        format!("PID={}", process::id()),
        format!("IMAPS_PORT={}", good.port),
        format!("SILENT_PORT={}", silent.port),
        format!("CA_FILE={}", ca_file.display()),
        format!("PASSWORDS={}", folder.join("passwords").display()),
    ];
    // Whoever waits for the file finds it whole.
    fs::write(folder.join("env.new"), facts.join("\n") + "\n").unwrap();
    fs::rename(folder.join("env.new"), folder.join("env")).unwrap();
    let _servers = [Some(good), Some(expired), v6, Some(silent)];
    loop {
        thread::park();
    }
}

/// A session over TLS.
fn play(tls: Step) -> Vec<Step> {
    let answers = Answers::new(list_answers());
    let answer = [expect(""), Step::Answered(answers)];
    let greeting = send("* OK [CAPABILITY IMAP4rev1] ready\r\n");
    [tls, greeting].into_iter().chain(iter::repeat_n(answer, COMMANDS).flatten()).collect()
}

/// A small account: each command's answer, and last those to all the rest.
fn list_answers() -> Vec<(String, Vec<Step>)> {
    let tasks = [
        Task::new("select", "INBOX").yielding("messages", 2.0),
        Task::new("select", "Archive").yielding("messages", 5.0),
        Task::new("select", "Entwürfe").yielding("messages", 4.0),
        Task::new("status", "INBOX").yielding("messages", 2.0).yielding("unseen", 2.0),
        Task::new("search", "INBOX?SUBJECT message UNSEEN").yielding("matches", 2.0),
        Task::new("age", "INBOX"),
        Task::new("list", ""),
        Task::new("append", "INBOX"),
        Task::new("noop", ""),
        Task::new("id", ""),
    ];
    let by_hand = [
        (
            format!("LOGIN \"{USER}\" \"{PASSWORD}\""),
            vec![tagged(&format!("OK [CAPABILITY {CAPABILITIES}] Logged in"))],
        ),
        ("LOGIN".to_owned(), vec![tagged("NO [AUTHENTICATIONFAILED] Authentication failed")]),
        ("UID SEARCH HEADER".to_owned(), vec![send("* SEARCH 43\r\n"), tagged("OK done")]),
        ("UID STORE".to_owned(), vec![tagged("OK done")]),
        ("UID EXPUNGE".to_owned(), vec![send("* 3 EXPUNGE\r\n"), tagged("OK done")]),
        ("CAPABILITY".to_owned(), vec![send(&format!("* CAPABILITY {CAPABILITIES}\r\n")), tagged("OK done")]),
        ("LOGOUT".to_owned(), vec![send("* BYE bye\r\n"), tagged("OK done"), Step::Close]),
    ];
    let refusals = ["SELECT", "EXAMINE", "STATUS", "APPEND"];
    let refusals = refusals.map(|command| (command.to_owned(), vec![tagged("NO [NONEXISTENT] no such mailbox")]));
    let rest = (String::new(), vec![tagged("BAD this scripted server knows only what the demo needs")]);
    let performed = tasks.iter().map(|task| (task.command(false), task.answer()));
    by_hand.into_iter().chain(performed).chain(refusals).chain([rest]).collect()
}
