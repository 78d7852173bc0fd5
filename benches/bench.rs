//! `make bench`: what a check costs beside what else one would use, in turn on one private Dovecot; then what many mailboxes
//! and many checks at once cost. `BENCH_ROUNDS` says how often each program runs.
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

#[path = "tools/contestants.rs"]
mod contestants;
#[path = "../tests/testkit/dovecot.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod dovecot;
#[path = "tools/measure.rs"]
#[allow(dead_code, reason = "the other program uses the rest")]
mod measure;
#[path = "tools/server.rs"]
mod server;
#[path = "tools/trust.rs"]
mod trust;
#[path = "tools/wire.rs"]
mod wire;

use contestants::{BARE, BLIND, Mode, OURS, Trust, USER, programs};
use dovecot::dovecot;
use measure::{Cost, Launcher, Program, find, median, setting};
use std::collections::BTreeSet;
use std::thread;
use trust::SystemTrust;

const CORES: f64 = 2.0;

fn main() {
    let rounds = setting("BENCH_ROUNDS").unwrap_or(31).max(1);
    server::keep_ready();
    let system = SystemTrust::copy(dovecot().ca_file.as_ref());
    let mut launcher = Launcher::start();
    println!("{}; {rounds} rounds, medians; ours/it: below 1 ours is cheaper\n", server::machine());
    let mut left_out = BTreeSet::new();
    for tool in ["strace", "valgrind", "/usr/bin/time"].into_iter().filter(|tool| find(tool).is_none()) {
        left_out.insert(format!("what {tool} measures: it is not installed (tests/install-needs.sh bench)"));
    }
    left_out.insert("STARTTLS: check_imap and check_imap_receive cannot do it".to_owned());

    let mut implicit = None;
    for (mode, trust, title) in [
        (Mode::Implicit, Trust::File, "Implicit TLS, one CA file".to_owned()),
        (Mode::Implicit, Trust::System, format!("Implicit TLS, system trust ({} CAs)", system.count())),
        (Mode::StartTls, Trust::File, "STARTTLS, one CA file".to_owned()),
        (Mode::StartTls, Trust::System, "STARTTLS, system trust".to_owned()),
        (Mode::None, Trust::File, "Without TLS".to_owned()),
    ] {
        let rows = compare(mode, trust, &system, rounds, &mut launcher, &mut left_out);
        print(&title, &rows);
        implicit.get_or_insert(rows);
    }
    println!(
        "client turns with STARTTLS can be one more: what the server says to Finished may come before LOGIN or behind it"
    );
    for why in left_out {
        println!("left out: {why}");
    }
    goals(&implicit.expect("a table"), rounds, &system, &mut launcher);
    mailboxes(rounds, &system, &mut launcher);
    let cpu = at_once(&system, &mut launcher);
    on_paper(cpu);
}

/// What one program cost, each run; times in milliseconds.
struct Row {
    name: String,
    wall: Vec<f64>,
    cpu: Vec<f64>,
    memory_kib: Option<f64>,
    calls: Option<u64>,
    turns: u64,
    instructions: Option<u64>,
}

fn compare(
    mode: Mode,
    trust: Trust,
    system: &SystemTrust,
    rounds: u64,
    launcher: &mut Launcher,
    left_out: &mut BTreeSet<String>,
) -> Vec<Row> {
    let at = |port| programs(mode, trust, system, port);
    let able: Vec<Program> = at(mode.port()).into_iter().filter(|program| works(program, left_out)).collect();
    let mut rows: Vec<Row> = able.iter().map(|program| Row::about(program, mode, &at)).collect();
    // In turn, each time beginning with another one, so that what else the machine does meets all of them.
    for round in 0..usize::try_from(rounds).unwrap() {
        for place in 0..able.len() {
            let place = (place + round) % able.len();
            rows[place].add(launcher.run(&able[place]));
        }
    }
    rows
}

/// What is not installed, or does not get as far, is left out and told.
fn works(program: &Program, left_out: &mut BTreeSet<String>) -> bool {
    if find(&program.args[0]).is_none() {
        assert!(![OURS, BARE].contains(&program.name.as_str()), "{} is not built", program.args[0]);
        left_out.insert(format!("{}: not installed (tests/install-needs.sh bench)", program.name));
        return false;
    }
    let output = program.output();
    if !output.status.success() {
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(![OURS, BARE].contains(&program.name.as_str()), "{}: {text}", program.name);
        left_out.insert(format!("{}: {}", program.name, text.lines().next().unwrap_or("no output")));
        return false;
    }
    true
}

impl Row {
    /// What is the same in each run.
    fn about(program: &Program, mode: Mode, at: &impl Fn(u16) -> Vec<Program>) -> Self {
        // What a server says unasked may come between two words of the client or not: the fewest are what counts.
        let turns = (0..5).map(|_| {
            wire::turns(("127.0.0.1", mode.port()), |port| {
                let program = at(port).into_iter().find(|other| other.name == program.name).unwrap();
                assert!(program.output().status.success(), "{program:?}");
            })
        });
        let turns = turns.min().unwrap();
        let memory: Vec<f64> = (0..3).filter_map(|_| program.peak_memory()).map(|kib| kib as f64).collect();
        Self {
            name: program.name.clone(),
            wall: Vec::new(),
            cpu: Vec::new(),
            memory_kib: (!memory.is_empty()).then(|| median(&memory)),
            calls: program.system_calls(),
            turns,
            instructions: program.instructions(),
        }
    }

    fn add(&mut self, cost: Cost) {
        assert_eq!(cost.failed, 0, "{} failed", self.name);
        self.wall.push(cost.wall * 1e3);
        self.cpu.push(cost.cpu * 1e3);
    }
}

fn print(title: &str, rows: &[Row]) {
    let ours = &rows[0];
    println!("{title}:\n");
    println!(
        "| program | wall ms | ours/it | CPU ms | ours/it | memory MiB | system calls | client turns | M instructions | ours/it |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let instructions = row.instructions.map(|count| format!("{:.2}", count as f64 / 1e6));
        let ratio =
            ours.instructions.zip(row.instructions).map(|(ours, its)| format!("{:.3}", ours as f64 / its as f64));
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {} | {} | {} | {} |",
            row.name,
            median(&row.wall),
            ratio_to(&ours.wall, &row.wall),
            median(&row.cpu),
            ratio_to(&ours.cpu, &row.cpu),
            or_dash(row.memory_kib.map(|kib| format!("{:.1}", kib / 1024.0))),
            or_dash(row.calls),
            row.turns,
            or_dash(instructions),
            or_dash(ratio),
        );
    }
    println!();
}

/// The median of the ratios round by round: what slows a whole round down is not in it.
fn ratio_to(ours: &[f64], its: &[f64]) -> f64 {
    median(&ours.iter().zip(its).map(|(ours, its)| ours / its).collect::<Vec<_>>())
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Ours against what it is to reach.
fn goals(rows: &[Row], rounds: u64, system: &SystemTrust, launcher: &mut Launcher) {
    println!("| implicit TLS | instructions | CPU | wall |\n|---|---|---|---|");
    for other in rows.iter().filter(|row| [BARE, BLIND].contains(&row.name.as_str())) {
        print_goal(&format!("ours / {}", other.name), &rows[0], other);
    }
    // In turn, as all that is compared.
    let with = |trust| programs(Mode::Implicit, trust, system, Mode::Implicit.port()).swap_remove(0);
    let mut pair = [Trust::System, Trust::File].map(|trust| {
        let program = with(trust);
        (Row::about(&program, Mode::Implicit, &|port| programs(Mode::Implicit, trust, system, port)), program)
    });
    for _ in 0..rounds {
        for (row, program) in &mut pair {
            row.add(launcher.run(program));
        }
    }
    print_goal("ours, system trust / one CA file", &pair[0].0, &pair[1].0);
    println!();
}

fn print_goal(title: &str, one: &Row, other: &Row) {
    let instructions = one.instructions.zip(other.instructions);
    println!(
        "| {title} | {} | {:.3} | {:.3} |",
        or_dash(instructions.map(|(one, other)| format!("{:.3}", one as f64 / other as f64))),
        ratio_to(&one.cpu, &other.cpu),
        ratio_to(&one.wall, &other.wall),
    );
}

fn ours(system: &SystemTrust) -> Program {
    programs(Mode::Implicit, Trust::File, system, Mode::Implicit.port()).swap_remove(0)
}

fn mailboxes(rounds: u64, system: &SystemTrust, launcher: &mut Launcher) {
    let names = server::add_mailboxes(USER, 250);
    let with = |count: usize| {
        let mut program = ours(system);
        program.args.extend(names.iter().take(count).flat_map(|name| ["-m".to_owned(), name.clone()]));
        program
    };
    // The first time Dovecot makes an index of each.
    with(250).output();
    println!(
        "| mailboxes | CPU ms | M instructions | output bytes | memory MiB | further SELECT: CPU us | instructions | bytes |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let counts = [1, 10, 100, 250];
    let mut cpu = vec![Vec::new(); counts.len()];
    for _ in 0..rounds {
        for (place, count) in counts.into_iter().enumerate() {
            let cost = launcher.run(&with(count));
            assert_eq!(cost.failed, 0, "{count} mailboxes");
            cpu[place].push(cost.cpu * 1e6);
        }
    }
    let mut before: Option<(usize, f64, Option<u64>, usize)> = None;
    for (count, cpu) in counts.into_iter().zip(&cpu) {
        let program = with(count);
        let (cpu, bytes, instructions) = (median(cpu), program.output().stdout.len(), program.instructions());
        let further = before.map(|(few, few_cpu, few_instructions, few_bytes)| {
            let more = (count - few) as f64;
            let instructions = instructions.zip(few_instructions).map(|(all, few)| (all - few) as f64 / more);
            let instructions = or_dash(instructions.map(|each| format!("{each:.0}")));
            format!("{:.1} | {instructions} | {:.0}", (cpu - few_cpu) / more, (bytes - few_bytes) as f64 / more)
        });
        println!(
            "| {count} | {:.2} | {} | {bytes} | {} | {} |",
            cpu / 1e3,
            or_dash(instructions.map(|count| format!("{:.2}", count as f64 / 1e6))),
            or_dash(program.peak_memory().map(|kib| format!("{:.1}", kib as f64 / 1024.0))),
            further.unwrap_or_else(|| "- | - | -".to_owned()),
        );
        before = Some((count, cpu, instructions, bytes));
    }
    let mut refused = with(250);
    refused.args.extend(["-m", "one-too-many"].map(str::to_owned));
    let output = refused.output();
    assert_eq!(output.status.code(), Some(3), "251 mailboxes: {output:?}");
    println!("\n251 mailboxes: {}", String::from_utf8_lossy(&output.stdout));
}

/// Tells our CPU seconds per check.
fn at_once(system: &SystemTrust, launcher: &mut Launcher) -> f64 {
    let program = ours(system);
    println!("| checks at once | wall ms | CPU of ours, ms a check | CPU of the server, ms a check | failed |");
    println!("|---|---|---|---|---|");
    for (at_once, times) in [(1, 40), (10, 10), (100, 3), (500, 1)] {
        let before = server::cpu();
        let costs: Vec<_> = (0..times).map(|_| launcher.runs(&program, at_once, at_once)).collect();
        let server = server::cpu() - before;
        let checks = (at_once * times) as f64;
        println!(
            "| {at_once} | {:.0} | {:.2} | {:.2} | {} of {checks} |",
            median(&costs.iter().map(|cost| cost.wall * 1e3).collect::<Vec<_>>()),
            costs.iter().map(|cost| cost.cpu).sum::<f64>() * 1e3 / checks,
            server * 1e3 / checks,
            costs.iter().map(|cost| cost.failed).sum::<u64>(),
        );
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (runs, at_once) = (800, 4);
    let cost = launcher.runs(&program, runs, at_once);
    println!(
        "\nAgain and again, {at_once} at once, {cores} cores for them and the server together: {:.0} checks a minute, {} of {runs} failed.",
        runs as f64 / cost.wall * 60.0,
        cost.failed
    );
    cost.cpu / runs as f64
}

fn on_paper(cpu: f64) {
    println!(
        "A check is {:.2} ms of CPU, so {CORES} cores that do nothing else run {:.0} a minute.\n",
        cpu * 1e3,
        CORES * 60.0 / cpu
    );
    println!("| checks an hour | a second | cores busy | satellites of {CORES} cores, half of them for checks |");
    println!("|---|---|---|---|");
    for checks in [10_000.0, 1_000_000.0] {
        let cores = checks / 3600.0 * cpu;
        println!("| {checks} | {:.1} | {cores:.2} | {:.0} |", checks / 3600.0, (cores / (CORES / 2.0)).ceil());
    }
}
