//! What a run costs beside a program that does no more than has to be done (`benches/programs/bare.rs`). Counted, not timed:
//! instructions and the client's turns are nearly the same on every machine and under any load. Times are what
//! `make bench` is for.
use std::path::{Path, PathBuf};

use crate::dovecot::dovecot;
use crate::plugin::{BINARY, skipped};
use crate::trust::SystemTrust;
use measure::Program;

#[path = "../../benches/tools/measure.rs"]
#[allow(dead_code, reason = "the programs in benches/ use the rest")]
mod measure;
#[path = "../../benches/tools/wire.rs"]
mod wire;

const USER: &str = "ordinary";

#[test]
fn a_run_costs_hardly_more_than_the_bare_program() {
    // Measured 1.023 with TLS (OpenSSL 3.0) and 1.040 without, where there is little to hide behind.
    for (mode, most) in [("implicit", 1.03), ("starttls", 1.03), ("none", 1.06)] {
        let Some((ours, bare)) = instructions(&ours(mode, &[])).zip(instructions(&bare(mode))) else { return };
        let ratio = ours / bare;
        assert!(ratio <= most, "--tls {mode}: {ours} instructions, {ratio:.3} times the bare program's {bare}");
    }
}

#[test]
fn system_trust_costs_what_one_ca_file_costs() {
    let system = SystemTrust::copy(dovecot().ca_file.as_ref());
    if system.count() < 50 {
        skipped("this system has no CAs to speak of");
        return;
    }
    let mut all = ours("implicit", &[]);
    all.args.retain(|argument| argument != "--ca-file" && *argument != dovecot().ca_file);
    for (name, path) in [("SSL_CERT_DIR", system.directory()), ("SSL_CERT_FILE", &system.bundle())] {
        all.env.insert(name.to_owned(), path.to_string_lossy().into_owned());
    }
    let Some((all, one)) = instructions(&all).zip(instructions(&ours("implicit", &[]))) else { return };
    assert!(all <= one * 1.02, "{all} instructions with the system's CAs, {one} with one CA file");
}

#[test]
fn a_further_select_costs_little() {
    // So many that what one run has more than another does not matter.
    let many: Vec<&str> = ["-m", "INBOX"].into_iter().cycle().take(200).collect();
    let Some((many, one)) = instructions(&ours("implicit", &many)).zip(instructions(&ours("implicit", &[]))) else {
        return;
    };
    // Measured 61,000: a reply decrypted and read, a command encrypted, a line and five labels printed.
    let each = (many - one) / 99.0;
    assert!(each <= 75_000.0, "{each} instructions for a further SELECT");
}

#[test]
fn each_command_is_one_turn_and_there_is_none_for_nothing() {
    // Hello, Finished (after which the greeting is waited for), LOGIN, SELECT, LOGOUT.
    assert_eq!(turns("implicit"), 5);
    assert_eq!(turns("none"), 3);
    // STARTTLS, hello, Finished with LOGIN at its heels, SELECT, LOGOUT. What the server says to Finished may come between.
    assert!((5..=6).contains(&turns("starttls")));
}

fn turns(mode: &str) -> u64 {
    wire::turns(port(mode), |port| {
        let mut program = ours(mode, &[]);
        let port = port.to_string();
        let place = program.args.iter().position(|argument| argument == "-p").unwrap() + 1;
        program.args[place] = port;
        let output = program.output();
        assert!(output.status.success(), "{output:?}");
    })
}

/// None without valgrind or the bare program, and that is told.
#[allow(clippy::cast_precision_loss, clippy::as_conversions, reason = "far below 2^52")]
fn instructions(program: &Program) -> Option<f64> {
    if !Path::new(&program.args[0]).exists() {
        skipped(&format!("{} is not built (cargo test without --test builds it)", program.args[0]));
        return None;
    }
    let count = program.instructions();
    if count.is_none() {
        skipped("valgrind is not installed (tests/install-needs.sh bench installs it)");
    }
    count.map(|count| count as f64)
}

fn ours(mode: &str, further: &[&str]) -> Program {
    let port = port(mode).to_string();
    let server = ["-H", "127.0.0.1", "-p", &port, "--tls", mode, "--ca-file", &dovecot().ca_file];
    // Valgrind is slow, and the machine may be, too.
    with_password("ours", &[&[BINARY, "-u", USER, "-t", "100"], &server[..], further].concat())
}

fn bare(mode: &str) -> Program {
    let (file, port) = (bare_file(), port(mode).to_string());
    with_password("bare", &[file.to_str().unwrap(), mode, "127.0.0.1", &port, &dovecot().ca_file, USER])
}

fn with_password(name: &str, args: &[&str]) -> Program {
    Program::new(name, args, &[("IMAP_SESSION_PASSWORD", &dovecot().password(USER))])
}

fn bare_file() -> PathBuf {
    Path::new(BINARY).with_file_name("examples").join("bare")
}

fn port(mode: &str) -> u16 {
    if mode == "implicit" { dovecot().imaps_port } else { dovecot().imap_port }
}
