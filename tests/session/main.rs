//! The plugin as its users meet it: the real binary against a scripted server, a real Dovecot and
//! bad usage. What can be tested without a process stands beside the code it tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test says what went wrong by panicking, and says loudly what it had to skip"
)]

mod auth_on_dovecot;
mod case;
mod cost;
mod data_faults;
mod documented_commands;
mod documents;
mod drift;
mod faults;
mod generated;
mod linkage;
mod on_auth;
mod on_client_certificates;
mod on_dead_network;
mod on_dovecot;
mod on_interruptions;
mod on_many;
mod on_network;
mod on_operations;
mod on_outputs;
mod on_password_command;
mod on_prompt;
mod on_proxy_protocol;
mod on_remarks;
mod on_script;
mod on_secrets;
mod on_source;
mod on_testkit;
mod on_timeline;
mod on_tls;
mod on_token;
mod operations_on_dovecot;
mod picture;
mod properties;
mod resolver;
mod schema;
mod structure;
#[path = "../testkit/mod.rs"]
#[allow(dead_code, reason = "the other test programs use the rest")]
mod testkit;
#[path = "../../benches/tools/trust.rs"]
mod trust;
mod usage;

use testkit::{dovecot, plugin, prometheus as exposition};
