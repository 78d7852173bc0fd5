//! What a run costs beside a program that does no more than has to be done (`benches/programs/bare.rs`). Counted, not timed:
//! instructions and the client's turns are nearly the same on every machine and under any load. Times are what
//! `make bench` is for.
use std::fs;
use std::path::{Path, PathBuf};

use crate::dovecot::dovecot;
use crate::plugin::{BINARY, is_portable, skipped};
use crate::testkit::json;
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
    // Measured 1.027 with TLS (OpenSSL 3.0) and 1.071 without, where there is little to hide behind: a part of it is the
    // lookup of OpenSSL's functions for mechanisms and tokens when the process starts.
    for (mode, most) in [("implicit", 1.03), ("starttls", 1.03), ("none", 1.08)] {
        if is_portable() && mode != "none" {
            // The bare program uses OpenSSL.
            continue;
        }
        let Some((ours, bare)) = instructions(&ours(mode, &[])).zip(instructions(&bare(mode))) else { return };
        let ratio = ours / bare;
        assert!(ratio <= most, "--tls {mode}: {ours} instructions, {ratio:.3} times the bare program's {bare}");
    }
}

#[test]
fn the_portable_build_is_small_in_everything() {
    // Measured: 3.99 million instructions, 2.6 ms of processor time, 4.8 to 5.4 MiB, 4.9 MB.
    const MOST_INSTRUCTIONS: f64 = 4_200_000.0;
    const MOST_SECONDS: f64 = 0.010;
    const MOST_MEMORY: u64 = 5632;
    const MOST_BYTES: u64 = 6_000_000;
    if !is_portable() {
        return;
    }
    assert!(fs::metadata(&*BINARY).unwrap().len() <= MOST_BYTES);
    let program = ours("implicit", &[]);
    // If AWS-LC measures the processor's jitter (.cargo/config.toml), each run takes 35 ms more. The least of many, because a
    // machine that is busy has slow runs.
    let seconds = (0..20).map(|_| program.processor_time()).fold(f64::INFINITY, f64::min);
    assert!(seconds < MOST_SECONDS, "{seconds} s");
    if let Some(instructions) = instructions(&program) {
        assert!(instructions <= MOST_INSTRUCTIONS, "{instructions} instructions");
    }
    // How much of the program's file the kernel maps differs by a tenth from run to run.
    if let Some(memory) = (0..5).filter_map(|_| program.peak_memory()).min() {
        assert!(memory <= MOST_MEMORY, "{memory} KiB");
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
fn a_further_operation_costs_little() {
    // Measured 76,000 and 79,000: a look for what has arrived, a reply decrypted and read, a command encrypted, a line and
    // four or five labels printed.
    // That is 28 microseconds of processor time for a STATUS, the kernel's part included (perf stat, 1 and 200 of them).
    for (operation, most) in [("select:INBOX", 82_000.0), ("status:Archive", 90_000.0)] {
        // So many that what one run has more than another does not matter.
        let many: Vec<&str> = ["-O", operation].into_iter().cycle().take(200).collect();
        let Some((many, one)) = instructions(&ours("implicit", &many)).zip(instructions(&ours("implicit", &many[..2])))
        else {
            return;
        };
        let each = (many - one) / 99.0;
        assert!(each <= most, "{each} instructions for a further {operation}");
    }
}

#[test]
fn each_command_is_one_turn_and_there_is_none_for_nothing() {
    // Hello, Finished (after which the greeting is waited for), LOGIN, SELECT, LOGOUT.
    assert_eq!(turns("127.0.0.1", "implicit", &ours("implicit", &[])), 5);
    assert_eq!(turns("127.0.0.1", "none", &ours("none", &[])), 3);
    // STARTTLS, hello, Finished with LOGIN at its heels, SELECT, LOGOUT. What the server says to Finished may come between.
    assert!((5..=6).contains(&turns("127.0.0.1", "starttls", &ours("starttls", &[]))));
}

#[test]
fn an_operation_takes_as_many_turns_as_it_has_commands() {
    let mut client = dovecot().log_in("writer");
    client.create("Turns").unwrap();
    client.append("Turns", b"From: a@example.org\r\n\r\n").finish().unwrap();
    let operations = [
        ("select:Turns", 1),
        ("status:Turns", 1),
        ("search:Turns?UNSEEN", 1),
        ("age:Turns", 1),
        ("quota", 1),
        ("list", 1),
        ("append:Turns", 1),
        // Search, store, expunge.
        ("remove:Turns", 3),
        ("idle:Turns", 2),
        ("noop", 1),
        ("id", 1),
        ("examine:Turns", 1),
    ];
    let count = |host, mode, operations: &[(&str, u64)]| {
        let arguments: Vec<&str> = operations.iter().flat_map(|(operation, _)| ["-O", operation]).collect();
        turns(host, mode, &ours_as("writer", mode, &arguments))
    };
    let sum = operations.iter().map(|(_, turns)| turns).sum::<u64>();
    // Hello, Finished, LOGIN, LOGOUT, and before them the one of TCP, which is not counted.
    assert_eq!(count("127.0.0.1", "implicit", &operations), 4 + sum);
    assert_eq!(count("127.0.0.1", "none", &operations), 2 + sum);
    for (operation, turns) in &operations[1..] {
        // An `append` alone brings its `remove`, and a `remove` alone has nothing to remove.
        let turns = match *operation {
            "append:Turns" => 1 + 3,
            "remove:Turns" => 1,
            _ => *turns,
        };
        let all = count("127.0.0.1", "none", &[operations[0], (operation, turns)]);
        assert_eq!(all, 2 + 1 + turns, "{operation}");
    }
    // One more for the SELECT that the plan puts in front.
    assert_eq!(count("127.0.0.1", "none", &[("age:Turns", 1)]), 2 + 1 + 1);
    // Without LITERAL+ the server is asked whether it takes the message.
    assert_eq!(count("127.0.0.10", "none", &[operations[0], ("append:Turns", 2 + 3)]), 2 + 1 + 2 + 3);
}

#[test]
fn two_hundred_and_fifty_operations_stay_small() {
    const MOST_MEMORY: u64 = 16 << 10;
    dovecot().log_in("writer").create("Many").unwrap();
    let cycle = [
        "examine:Many",
        "status:INBOX",
        "select:Many",
        "search:Many?OR UNSEEN FROM \"somebody@example.org\"",
        "age:Many",
        "quota",
        "list:*",
        "append:Many",
        "idle:Many",
        "noop",
        "id",
    ];
    // Each `append` brings its `remove`.
    let mixed = cycle.into_iter().cycle().take(cycle.len() * 20).chain(["noop"; 10]);
    let operations: Vec<&str> = mixed.flat_map(|operation| ["-O", operation]).collect();
    for further in [&[][..], &["-v"], &["-vvv"], &["-o", "json"], &["-o", "prometheus"]] {
        let program = ours_as("writer", "implicit", &[&operations, further].concat());
        let output = program.output();
        assert!(output.status.success(), "{further:?}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        if further.first().is_none_or(|option| option.starts_with("-v")) {
            assert!(text.starts_with("IMAP is OK: "), "{text}");
            assert_eq!(text.matches("_ok=1;").count(), 1 + 250, "login, and each operation: {text}");
            assert!(text.len() < 64 << 10, "{further:?}: {} bytes", text.len());
        }
        if further.contains(&"json") {
            json::read(&text);
        }
        let Some(memory) = program.peak_memory() else {
            skipped("GNU time is not installed (tests/install-needs.sh bench installs it)");
            return;
        };
        assert!(memory < MOST_MEMORY, "{further:?}: {memory} KiB");
    }
}

/// Of the program, led to the server at this address in this mode.
fn turns(host: &'static str, mode: &str, program: &Program) -> u64 {
    wire::turns((host, port(mode)), |port| {
        let mut program = program.clone();
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
        skipped("valgrind is not installed (tests/install-needs.sh installs it)");
    }
    count.map(|count| count as f64)
}

fn ours(mode: &str, further: &[&str]) -> Program {
    ours_as(USER, mode, further)
}

fn ours_as(user: &str, mode: &str, further: &[&str]) -> Program {
    let port = port(mode).to_string();
    let server = ["-H", "127.0.0.1", "-p", &port, "--tls", mode, "--ca-file", &dovecot().ca_file];
    // Valgrind is slow, and the machine may be, too.
    with_password("ours", user, &[&[&*BINARY, "-u", user, "-t", "100"], &server[..], further].concat())
}

fn bare(mode: &str) -> Program {
    let (file, port) = (bare_file(), port(mode).to_string());
    with_password("bare", USER, &[file.to_str().unwrap(), mode, "127.0.0.1", &port, &dovecot().ca_file, USER])
}

fn with_password(name: &str, user: &str, args: &[&str]) -> Program {
    Program::new(name, args, &[("IMAP_SESSION_PASSWORD", &dovecot().password(user))])
}

fn bare_file() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_check_imap_session")).with_file_name("examples").join("bare")
}

fn port(mode: &str) -> u16 {
    if mode == "implicit" { dovecot().imaps_port } else { dovecot().imap_port }
}
