//! `make test-cluster` and `make bench-cluster`: a master and two satellites of Icinga 2 on loopback, each with the plugin
//! against the private Dovecot. The test takes one satellite away and gives it back (`failover.rs`); the measurement says
//! what Icinga costs and what the plugin costs (`cost.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a program for people who test: it prints its figures, and stops where it cannot go on"
)]

mod cost;
#[path = "../consumers/icinga/daemon.rs"]
#[allow(dead_code, reason = "the tests of one Icinga use the rest")]
mod daemon;
#[path = "../testkit/dovecot.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod dovecot;
mod failover;
mod place;
mod process;
#[path = "../consumers/real.rs"]
#[allow(dead_code, reason = "the tests with other programs use the rest")]
mod real;

fn main() {
    if !real::have(&["icinga2", "curl", "dovecot"]) {
        return;
    }
    match std::env::args().nth(1).as_deref() {
        Some("test-cluster") => failover::test(),
        Some("bench-cluster") => cost::measure(),
        other => panic!("test-cluster or bench-cluster, not {other:?}"),
    }
}
