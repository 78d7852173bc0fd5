//! The operations against a real Dovecot. SELECT, logins and TLS are in `on_dovecot.rs`.
use crate::testkit::dovecot::dovecot;
use crate::testkit::plugin::{Plugin, Run};

/// Part of the mark of each message that the plugin writes here.
const HOST: &str = "127.0.0.1";
/// Runs end long before; a slow machine is no reason to fail.
const LIMIT: &str = "25";

#[test]
fn a_message_that_the_server_keeps_is_critical_although_it_answers_ok() {
    let run = plugin("writer").args(["-O", "append:Stack"]).run();
    expect(&run, 2);
    let words = "remove Stack failed: the server answered OK, but kept ";
    assert!(run.summary().starts_with(&format!("{HOST}: {words}")), "{run:#?}");
    assert_eq!(["append", "remove"].map(|operation| run.figure(operation, "Stack", "ok")), [Some(1.0), Some(0.0)]);
    assert_eq!(run.figure("remove", "Stack", "removed"), None);
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
