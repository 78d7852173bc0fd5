//! `make soak`: thousands of runs of the real binary with faults, signals and options drawn by a seeded generator, each
//! held to the invariants of every report. What can be drawn stands in `draw.rs`; this file runs, judges and counts.
//!
//! `SOAK_RUNS`, `SOAK_SEED` and `SOAK_JOBS` say how many, which and how many at once; `SOAK_ONLY=NUMBER` repeats one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for people who test: it prints its result, and stops where it cannot go on"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use draw::{Draw, Ends};
use testkit::invariants::{Line, check_figures, check_labels, read_lines};
use testkit::judging::find_failure;
use testkit::plugin::{BINARY, Run};

mod draw;
#[path = "../testkit/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod testkit;

/// Later than its limit by so much, a run has not kept it, however busy the machine.
const LATE: Duration = Duration::from_secs(5);
/// PRODUCT: memory stays under 16 MiB.
const MEMORY_KIB: u64 = 16 * 1024;

fn main() -> ExitCode {
    let jobs = thread::available_parallelism().map_or(4, |cores| 5 * cores.get());
    let jobs = setting("SOAK_JOBS").unwrap_or(jobs.try_into().unwrap());
    let seed = setting("SOAK_SEED").unwrap_or_else(draw::any_seed);
    let only = setting("SOAK_ONLY");
    let runs = if only.is_some() { 1 } else { setting("SOAK_RUNS").unwrap_or(10_000) };
    let first = only.unwrap_or(1);
    println!("soak: {runs} runs, {jobs} at once, SOAK_SEED={seed}");
    let world = draw::World::prepare();
    println!("Dovecot: {}", if world.dovecot.is_some() { "a private one" } else { "NOT INSTALLED, left out" });

    let before = leftovers();
    let begun = Instant::now();
    let (next, done, oversleep) = (AtomicU64::new(first), AtomicBool::new(false), Mutex::new(Duration::ZERO));
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        let machine = scope.spawn(|| watch_machine(&done, &oversleep));
        let work = || {
            while let Some(number) = Some(next.fetch_add(1, Ordering::SeqCst)).filter(|number| *number < first + runs) {
                let draw = Draw::new(&world, seed, number);
                let run = observe(&draw);
                let fault = find_failure(|| judge(&draw, &run));
                if only.is_some() {
                    let stdout = run.run.as_ref().map_or("", |run| &run.stdout);
                    println!("{:?}\n{:#?}\n{run:#?}\n{stdout}", draw.args, draw.script);
                }
                tally.lock().unwrap().add(&draw, &run, fault);
            }
        };
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().expect("a fault of the soak itself");
        }
        done.store(true, Ordering::SeqCst);
        machine.join().unwrap();
    });
    let mut tally = tally.into_inner().unwrap();
    let after = leftovers();
    if after != before {
        tally.violations.push(format!("left behind (threads, children, open files): {before:?} became {after:?}"));
    }
    tally.print(begun.elapsed(), *oversleep.lock().unwrap());
    println!("violations: {}", tally.violations.len());
    for violation in &tally.violations {
        println!("--- SOAK_SEED={seed} {violation}");
    }
    ExitCode::from(u8::from(!tally.violations.is_empty()))
}

/// One run as it was seen from outside.
#[derive(Debug)]
struct Seen {
    /// None where the run was ended by a signal, or had to be.
    run: Option<Run>,
    elapsed: Duration,
    /// From the signal, where one was sent, to the end.
    after_signal: Option<Duration>,
    peak_kib: u64,
    threads: u64,
    files: u64,
}

fn observe(draw: &Draw) -> Seen {
    let (mut stdout, mut stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let begun = Instant::now();
    let mut child = Command::new(&*BINARY)
        .args(&draw.args)
        .env_clear()
        .env("IMAP_SESSION_PASSWORD", &draw.password)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap())
        .spawn()
        .expect("the binary starts");
    let mut seen = Seen { run: None, elapsed: Duration::ZERO, after_signal: None, peak_kib: 0, threads: 0, files: 0 };
    let mut signalled = None;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begun.elapsed() > draw.limit + LATE {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        let status = seen.look_at(&child);
        if let Some((signal, at)) = draw.signal
            && signalled.is_none()
            && begun.elapsed() >= at
            && status.is_some_and(|status| catches_signals(&status))
        {
            // The child was not waited for yet, so that its number is still its own.
            let sent = Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status();
            signalled = sent.is_ok_and(|status| status.success()).then(Instant::now);
        }
        thread::sleep(Duration::from_millis(3));
    };
    seen.elapsed = begun.elapsed();
    seen.after_signal = signalled.map(|at| at.elapsed());
    let text = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).unwrap();
        String::from_utf8(bytes).unwrap_or_else(|error| format!("(not UTF-8) {error}\u{1}"))
    };
    seen.run = status.and_then(|status| status.code()).map(|code| Run {
        code,
        stdout: text(&mut stdout),
        stderr: text(&mut stderr),
        elapsed: seen.elapsed,
        peak_kib: seen.peak_kib,
    });
    seen
}

impl Seen {
    /// Notes what the process has now, and returns its status.
    fn look_at(&mut self, child: &Child) -> Option<String> {
        let process = Path::new("/proc").join(child.id().to_string());
        let status = fs::read_to_string(process.join("status")).ok()?;
        // Before that it is still a copy of us.
        if !status.contains("check_imap") {
            return None;
        }
        let number = |name| field(&status, name).and_then(|value| value.trim_end_matches(" kB").parse().ok());
        self.peak_kib = self.peak_kib.max(number("VmHWM:").unwrap_or(0));
        self.threads = self.threads.max(number("Threads:").unwrap_or(0));
        let files = fs::read_dir(process.join("fd")).map_or(0, Iterator::count);
        self.files = self.files.max(files.try_into().unwrap());
        Some(status)
    }
}

/// Asserts all that holds for this run.
fn judge(draw: &Draw, seen: &Seen) {
    assert!(seen.elapsed < draw.limit + LATE, "had to be killed after {:?}", seen.elapsed);
    assert!(seen.peak_kib < MEMORY_KIB, "{} KiB of memory", seen.peak_kib);
    let run = seen.run.as_ref().expect("it was ended by a signal");
    run.check_sound();
    let (user, password) = (draw.user, &draw.password);
    let encoded = [BASE64_STANDARD.encode(password), BASE64_STANDARD.encode(format!("\0{user}\0{password}"))];
    let is_shown = |secret: &String| run.stdout.contains(secret);
    assert!(!is_shown(password) && !encoded.iter().any(is_shown), "the secret is in the output");
    let stopped_early = seen.after_signal.is_some() && run.summary().contains("ended by SIG");
    if draw.ends == Ends::NeverBegins {
        assert!(run.code == 3, "not UNKNOWN, and could not begin");
        assert!(stopped_early || run.summary().contains("FIFO"), "a file that hangs is not named");
        return;
    }
    if stopped_early && run.code == 3 {
        // The signal came before the first phase.
        return;
    }
    check_labels(&draw.plan, run);
    if let Some(lines) = read_lines(&draw.plan, run) {
        check_phases(draw, seen, run, &lines);
    }
    let in_dialogue = |fault: usize| draw.phases[fault].is_task || draw.phases[fault].operation == "login";
    if let Some(server) = draw.server.as_ref().filter(|_| draw.fault.is_some_and(in_dialogue)) {
        server.look().check_expected();
    }
    let is_bad = matches!(draw.ends, Ends::Fails | Ends::TimesOut);
    let harmless = draw.fault.is_some_and(|fault| draw.phases[fault].operation == "logout");
    assert!(run.code != 0 || !is_bad || harmless, "OK, with this fault");
    assert!(run.code != 3, "UNKNOWN is for our own faults");
}

/// Each phase has an outcome that can be; their worst state is the run's.
fn check_phases(draw: &Draw, seen: &Seen, run: &Run, lines: &[Line]) {
    let (mut worst, mut any_timed_out, mut broken) = (0, false, None);
    for (index, line) in lines.iter().enumerate() {
        let (phase, text) = (&line.phase, line.text);
        let name = phase.name();
        // A phase that was not run has no state: its cause has.
        if line.state != "not run" {
            worst = worst.max(["OK", "UNKNOWN", "WARNING", "CRITICAL"].iter().position(|s| *s == line.state).unwrap());
        }
        let outcome = line.outcome();
        let (well, failed, not_run) = (outcome == "ok", outcome == "failed", outcome == "not run");
        any_timed_out |= outcome == "timed out" || (not_run && text.contains("(total limit)"));

        let by_signal = text.starts_with("failed: ended by SIG");
        assert!(!by_signal || seen.after_signal.is_some(), "{name}: no signal was sent");
        assert!(well || !text.contains("internal error"), "{name}: {text}");
        let is_due = by_signal || draw.fault.is_some_and(|fault| fault <= index);
        assert!(!failed || is_due, "{name}: {text}, and had no fault");
        // What was not run has something before it to blame, and behind that nothing is run.
        let is_set_up = !phase.is_task && phase.operation != "logout";
        match &broken {
            Some(cause) => assert!(not_run || phase.operation == "logout", "{name} was run after {cause}"),
            None => assert!(!not_run || !is_set_up, "{name} was not run without a reason"),
        }
        if draw.fault == Some(index) && phase.operation != "logout" && broken.is_none() && !by_signal {
            match draw.ends {
                Ends::Well => assert!(!failed, "{name}: {text}, and had no fault"),
                Ends::Fails => assert!(!well, "{name}: {text}, with this fault"),
                Ends::TimesOut => assert!(outcome == "timed out" || not_run, "{name}: {text}, with this fault"),
                Ends::Any | Ends::NeverBegins => {}
            }
        }
        if (is_set_up && !well) || by_signal || text.contains("(total limit") {
            broken.get_or_insert(format!("{name}: {text}"));
        }
        if phase.is_task || phase.operation == "login" {
            let label = phase.label("ok");
            assert_eq!(run.value(&label), Some(f64::from(u8::from(well))), "{label}");
        }
        // A scripted server says the same of every mailbox.
        if well && draw.server.is_some() && draw.fault != Some(index) {
            check_figures(phase, run);
        }
        for (figure, _) in &phase.figures {
            let label = phase.label(figure);
            assert!(well || run.value(&label).is_none(), "{label}: {:?}, and {text}", run.value(&label));
        }
    }
    let code = [0, 3, 1, 2][worst];
    assert_eq!(run.code, code, "the exit code is not the worst state's");
    assert_eq!(run.value("timed_out"), Some(f64::from(u8::from(any_timed_out))), "timed_out");
}

#[derive(Default)]
struct Tally {
    kinds: BTreeMap<&'static str, usize>,
    codes: BTreeMap<i32, usize>,
    /// Milliseconds beyond the limit, of the runs that their total limit ended.
    beyond: Vec<f64>,
    after_signal: Vec<f64>,
    fresh: usize,
    most: [u64; 3],
    violations: Vec<String>,
}

impl Tally {
    fn add(&mut self, draw: &Draw, seen: &Seen, fault: Option<String>) {
        *self.kinds.entry(draw.kind).or_default() += 1;
        let stdout = seen.run.as_ref().map_or("", |run| &run.stdout);
        *self.codes.entry(seen.run.as_ref().map_or(-1, |run| run.code)).or_default() += 1;
        self.fresh += usize::from(stdout.contains("over a fresh connection"));
        if stdout.contains("total limit") {
            self.beyond.push((seen.elapsed.as_secs_f64() - draw.limit.as_secs_f64()) * 1e3);
        }
        self.after_signal.extend(seen.after_signal.map(|time| time.as_secs_f64() * 1e3));
        for (most, now) in self.most.iter_mut().zip([seen.peak_kib, seen.threads, seen.files]) {
            *most = now.max(*most);
        }
        if let Some(fault) = fault {
            let args = draw.args.join(" ");
            let run = seen.run.as_ref().map_or("no report".to_owned(), |run| format!("{run:?}"));
            self.violations.push(format!("SOAK_ONLY={} ({}): {args}\n{run}\n{fault}", draw.number, draw.kind));
        }
    }

    fn print(&mut self, took: Duration, oversleep: Duration) {
        println!("took {:.0} s; runs per fault kind:", took.as_secs_f64());
        for (kind, count) in &self.kinds {
            println!("{count:7}  {kind}");
        }
        println!("{:7}  in all; exit codes {:?}", self.kinds.values().sum::<usize>(), self.codes);
        spread("end beyond the limit, of runs that the total limit ended", &mut self.beyond);
        spread("end after a signal", &mut self.after_signal);
        println!("machine: a thread that sleeps 1 ms woke up at most {:.1} ms late", oversleep.as_secs_f64() * 1e3);
        let [memory, threads, files] = self.most;
        println!("highest memory {memory} KiB (VmHWM), most threads {threads}, most open files {files}");
        println!("said at -v that a fresh connection was used: {} runs", self.fresh);
    }
}

fn spread(what: &str, milliseconds: &mut [f64]) {
    milliseconds.sort_by(f64::total_cmp);
    let Some(latest) = milliseconds.last() else { return };
    let at = |per_cent: usize| milliseconds[(milliseconds.len() - 1) * per_cent / 100];
    let count = milliseconds.len();
    println!("{what}: median {:.1} ms, 99th percentile {:.1} ms, latest {latest:.1} ms ({count} runs)", at(50), at(99));
}

/// How late the machine wakes up who sleeps: what no program on it can be blamed for.
fn watch_machine(done: &AtomicBool, oversleep: &Mutex<Duration>) {
    let nap = Duration::from_millis(1);
    while !done.load(Ordering::SeqCst) {
        let asleep = Instant::now();
        thread::sleep(nap);
        let late = asleep.elapsed().saturating_sub(nap);
        let mut most = oversleep.lock().unwrap();
        *most = late.max(*most);
    }
}

/// Threads, children and open files of this process.
fn leftovers() -> [usize; 3] {
    let tasks = || fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let children = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    let children = tasks().map(|task| children(task).split_whitespace().count()).sum();
    [tasks().count(), children, fs::read_dir("/proc/self/fd").unwrap().count()]
}

fn catches_signals(status: &str) -> bool {
    let caught = field(status, "SigCgt:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    // Bit 14 is signal 15, SIGTERM.
    caught.is_some_and(|mask| mask >> 14 & 1 == 1)
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no whole number")))
}
