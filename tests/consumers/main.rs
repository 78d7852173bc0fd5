//! The plugin in the hands of the real programs that run it or read it: schedulers, Prometheus, dpkg, man and shells, and
//! beside them an OAuth server and the types of Grafana. Private instances on loopback, each in a folder of its own; no
//! service of the system is touched.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test says what went wrong by panicking, and says loudly what it had to skip"
)]

mod database;
mod director;
mod documents;
mod grafana;
mod icinga;
mod nagios;
mod nrpe;
mod oauth;
mod package;
mod portable;
mod prometheus;
mod real;
mod rpm;
mod schedulers;
#[path = "../testkit/mod.rs"]
#[allow(dead_code, reason = "the other test programs use the rest")]
mod testkit;
mod zabbix;
