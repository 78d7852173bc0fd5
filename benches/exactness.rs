//! `make exactness`: the reported time of each phase against the truth: that of a server that answers after a known delay,
//! and that of the packets of runs against a private Dovecot. `EXACTNESS_RUNS` says how many runs each.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a program for people who measure: it prints its result, and stops where it cannot go on"
)]

#[path = "tools/capture.rs"]
mod capture;
#[path = "tools/contestants.rs"]
#[allow(dead_code, reason = "the other program uses the rest")]
mod contestants;
#[path = "tools/delayed.rs"]
mod delayed;
#[path = "../tests/testkit/dovecot.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod dovecot;
#[path = "tools/measure.rs"]
#[allow(dead_code, reason = "the other program uses the rest")]
mod measure;
#[path = "tools/server.rs"]
#[allow(dead_code, reason = "the other program uses the rest")]
mod server;
#[path = "tools/trust.rs"]
#[allow(dead_code, reason = "the other program uses it")]
mod trust;

use capture::{Capture, Packet};
use contestants::{Mode, USER, bare};
use delayed::{PHASES, Writing};
use dovecot::dovecot;
use measure::{Program, median, percentile, setting};
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const DELAYS_MS: [u64; 5] = [0, 1, 10, 100, 500];
/// Runs that wait for their server leave the machine to the others.
const AT_ONCE: usize = 2;

fn main() {
    let runs = usize::try_from(setting("EXACTNESS_RUNS").unwrap_or(200).max(5)).unwrap();
    server::keep_ready();
    println!("{}; errors are without sign, in ms: median / 99th percentile\n", server::machine());
    println!("A server that answers after a known delay, {runs} runs, {AT_ONCE} at once:\n");
    println!("| | phase | 0 ms | 1 ms | 10 ms | 100 ms | 500 ms | all |\n|---|---|---|---|---|---|---|---|");
    for mode in [Mode::None, Mode::Implicit] {
        for writing in [Writing::AtOnce, Writing::InTwo] {
            against_delays(mode, writing, runs);
        }
    }
    println!();
    for mode in [Mode::None, Mode::Implicit] {
        against_packets(mode, runs);
    }
    against_limits(runs.div_ceil(10));
}

/// A server that never says a word: how much later than its limit a run has ended, the start of the process included.
fn against_limits(runs: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    println!("Runs that -t ends, {runs} each: ended later by, in ms:\n\n| -t | median / 99th percentile |\n|---|---|");
    for limit in ["0.1", "1", "3", "8"] {
        let mut program = ours(Mode::None, port);
        program.args.extend(["-t".to_owned(), limit.to_owned()]);
        let limit: f64 = limit.parse().unwrap();
        let late: Vec<f64> = thread::scope(|scope| {
            let run = |number: usize| {
                let program = &program;
                // One after the other: each has the machine to itself when it ends.
                scope.spawn(move || {
                    thread::sleep(Duration::from_millis(50) * u32::try_from(number).unwrap());
                    let start = Instant::now();
                    program.output();
                    start.elapsed().as_secs_f64() - limit
                })
            };
            let threads: Vec<_> = (0..runs).map(run).collect();
            threads.into_iter().map(|thread| thread.join().expect("it ran")).collect()
        });
        println!("| {limit} | {} |", spread(&late));
    }
    println!();
}

/// Each run has every delay once, each time for another phase.
fn against_delays(mode: Mode, writing: Writing, runs: usize) {
    let acceptor = (mode == Mode::Implicit).then(|| {
        let folder = Path::new(&dovecot().ca_file).parent().unwrap();
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        builder.set_certificate_file(folder.join("good.pem"), SslFiletype::PEM).unwrap();
        builder.set_private_key_file(folder.join("key.pem"), SslFiletype::PEM).unwrap();
        builder.build()
    });
    let next = AtomicUsize::new(0);
    // By phase and delay.
    let errors: Mutex<[[Vec<f64>; 5]; 5]> = Mutex::default();
    let work = || {
        while let Some(number) = Some(next.fetch_add(1, Ordering::SeqCst)).filter(|number| *number < runs) {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let program = ours(mode, listener.local_addr().unwrap().port());
            let place = |phase: usize| (number + phase) % DELAYS_MS.len();
            let delays = [0, 1, 2, 3, 4].map(|phase| Duration::from_millis(DELAYS_MS[place(phase)]));
            let (report, truth) = thread::scope(|scope| {
                let truth = scope.spawn(|| delayed::serve(&listener, acceptor.as_ref(), delays, writing));
                (Report::of(&program), truth.join().expect("the server served"))
            });
            for (phase, truth) in truth.iter().enumerate() {
                if let Some(truth) = truth {
                    let error = (report.phase(PHASES[phase]) - truth.as_secs_f64()).abs();
                    errors.lock().unwrap()[phase][place(phase)].push(error);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let errors = errors.into_inner().unwrap();
    let name = match writing {
        Writing::AtOnce => mode.word().to_owned(),
        Writing::InTwo => format!("{}, in two segments", mode.word()),
    };
    let mut all: [Vec<f64>; 5] = Default::default();
    for (phase, errors) in PHASES.iter().zip(&errors).filter(|(_, errors)| !errors[0].is_empty()) {
        print_errors(&name, phase, errors);
        for (all, errors) in all.iter_mut().zip(errors) {
            all.extend(errors);
        }
    }
    print_errors(&name, "all", &all);
}

fn print_errors(name: &str, phase: &str, by_delay: &[Vec<f64>; 5]) {
    let all = by_delay.concat();
    let cells: Vec<String> = by_delay.iter().chain([&all]).map(|errors| spread(errors)).collect();
    println!("| {name} | {phase} | {} |", cells.join(" | "));
}

fn spread(errors: &[f64]) -> String {
    format!("{:.3} / {:.3}", median(errors) * 1e3, percentile(errors, 0.99) * 1e3)
}

fn against_packets(mode: Mode, runs: usize) {
    let (ours, bare) = (ours(mode, mode.port()), bare_program(mode));
    // Indexes are made, and the programs are in memory.
    Report::of(&ours);
    assert!(bare.output().status.success(), "{bare:?}");
    let Some(capture) = Capture::start(mode.port()) else {
        println!("LEFT OUT: the packets, tcpdump is not there or may not capture (install it, be root)\n");
        return;
    };
    let mut started = Vec::new();
    let mut reports = Vec::new();
    for _ in 0..runs {
        started.push(now());
        reports.push(Report::of(&ours));
        started.push(now());
        assert!(bare.output().status.success(), "{bare:?}");
    }
    let connections = capture.stop(mode.port());
    assert_eq!(connections.len(), started.len(), "each run is one connection");

    println!("Packets, --tls {}, {runs} runs against Dovecot:\n", mode.word());
    println!("| phase | reported | error |\n|---|---|---|");
    let own: Vec<&Vec<Packet>> = connections.iter().step_by(2).collect();
    let truths: Vec<Vec<(&str, f64)>> = own.iter().map(|packets| truth(mode, packets)).collect();
    for (place, (phase, _)) in truths[0].iter().enumerate() {
        let reported: Vec<f64> = reports.iter().map(|report| report.phase(phase)).collect();
        let errors: Vec<f64> =
            reported.iter().zip(&truths).map(|(told, truth)| (told - truth[place].1).abs()).collect();
        println!("| {phase} | {:.3} | {} |", median(&reported) * 1e3, spread(&errors));
    }
    let (beside, unexplained): (Vec<f64>, Vec<f64>) = reports.iter().map(Report::beside_phases).unzip();
    println!("| total minus the sum of the phases | | {} |", spread(&beside));
    println!("| of that, not the start before the first phase | | {} |", spread(&unexplained));
    let to_syn: Vec<f64> = connections.iter().zip(&started).map(|(packets, started)| packets[0].at - started).collect();
    let of = |first: usize| to_syn.iter().copied().skip(first).step_by(2).collect::<Vec<f64>>();
    println!("\nStart to first packet: ours {}, the bare program {}\n", spread(&of(0)), spread(&of(1)));
}

/// Each phase ends with the last packet of the server's answer; the handshake with the client's last word.
fn truth(mode: Mode, packets: &[Packet]) -> Vec<(&'static str, f64)> {
    let answered = packets.iter().find(|packet| packet.syn && !packet.from_client).expect("a SYN ACK").at;
    let mut phases = vec![("connect", answered - packets[0].at)];
    let data: Vec<&Packet> = packets.iter().filter(|packet| packet.data > 0).collect();
    let turns: Vec<&[&Packet]> = data.chunk_by(|one, next| one.from_client == next.from_client).collect();
    let (own, answers): (Vec<_>, Vec<_>) = turns.iter().partition(|turn| turn[0].from_client);
    let end = |turn: &[&Packet]| turn.last().unwrap().at;
    let mut before = answered;
    let mut phase = |name, at: f64| {
        phases.push((name, at - before));
        before = at;
    };
    let mut answers = answers.into_iter();
    if mode == Mode::Implicit {
        // Hello and what answers it, then the client's Finished.
        answers.next();
        phase("tls", end(own[1]));
    }
    for name in ["greeting", "login", "select"] {
        phase(name, end(answers.next().expect("an answer")));
    }
    // Behind it comes the close.
    phase("logout", answers.next().expect("an answer to LOGOUT")[0].at);
    phases
}

/// The JSON of a run.
struct Report(Value);

impl Report {
    fn of(program: &Program) -> Self {
        let output = program.output();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        Self(serde_json::from_str(&text).unwrap())
    }

    fn phase(&self, name: &str) -> f64 {
        let phases = self.0["phases"].as_array().unwrap();
        phases.iter().find(|phase| phase["phase"] == name).unwrap_or_else(|| panic!("no {name}"))["duration"]
            .as_f64()
            .unwrap()
    }

    /// What is in the total beside its phases, of which LOGOUT is none, and how much of that the start does not explain.
    fn beside_phases(&self) -> (f64, f64) {
        let phases = self.0["phases"].as_array().unwrap().iter().filter(|phase| phase["phase"] != "logout");
        let sum: f64 = phases.map(|phase| phase["duration"].as_f64().unwrap()).sum();
        let beside = self.0["duration"].as_f64().unwrap() - sum;
        (beside, (beside - self.0["preparation"].as_f64().unwrap()).abs())
    }
}

fn ours(mode: Mode, port: u16) -> Program {
    let (binary, port) = (env!("CARGO_BIN_EXE_check_imap_session"), port.to_string());
    let arguments = [
        binary,
        "-H",
        "127.0.0.1",
        "-p",
        &port,
        "--tls",
        mode.word(),
        "-u",
        USER,
        "--ca-file",
        &dovecot().ca_file,
        "-o",
        "json",
    ];
    Program::new("ours", &arguments, &[("IMAP_SESSION_PASSWORD", &dovecot().password(USER))])
}

fn bare_program(mode: Mode) -> Program {
    let arguments =
        [bare().to_str().unwrap(), mode.word(), "127.0.0.1", &mode.port().to_string(), &dovecot().ca_file, USER]
            .map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Program::new("bare", &arguments, &[("IMAP_SESSION_PASSWORD", &dovecot().password(USER))])
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
