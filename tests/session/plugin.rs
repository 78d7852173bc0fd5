//! Runs the real binary as a monitoring daemon would, and reads its output by a strict grammar.
//! What a server answers is none of this file's business.
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub const BINARY: &str = env!("CARGO_BIN_EXE_check_imap_session");

/// Says loudly that something was not tested: past the test runner, which swallows what a passing test prints.
pub fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "SKIPPED, NOT TESTED: {why}");
}

/// After this time the plugin is killed and the test fails.
const BOUND: Duration = Duration::from_secs(90);

/// One run to be: arguments, and the little that a daemon gives beside them.
pub struct Plugin {
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
    signals: Option<Signals>,
}

/// Signals to be sent, one after the other, as soon as it is time.
struct Signals {
    names: Vec<&'static str>,
    due: Box<dyn Fn() -> bool>,
}

impl Plugin {
    pub fn new<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        Self {
            args: args.into_iter().map(|a| a.as_ref().to_owned()).collect(),
            env: Vec::new(),
            stdin: None,
            signals: None,
        }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The password by environment variable.
    pub fn password(self, password: impl AsRef<OsStr>) -> Self {
        self.env("IMAP_SESSION_PASSWORD", password)
    }

    /// What the plugin reads on standard input (default: `/dev/null`).
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = Some(bytes.as_ref().to_owned());
        self
    }

    /// Signals to be sent, one after the other, once `due` holds.
    pub fn signals(mut self, names: &[&'static str], due: impl Fn() -> bool + 'static) -> Self {
        self.signals = Some(Signals { names: names.to_vec(), due: Box::new(due) });
        self
    }

    pub fn run(self) -> Run {
        let start = Instant::now();
        let mut child = Command::new(BINARY)
            .args(&self.args)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), self.stdin) {
            // A plugin that does not read its input is no fault of the test.
            thread::spawn(move || pipe.write_all(&bytes).ok());
        }
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        let mut peak_kib = 0;
        let mut signalled = false;
        let status = loop {
            peak_kib = memory_of(child.id()).unwrap_or(0).max(peak_kib);
            if let Some(status) = child.try_wait().expect("the plugin can be waited for") {
                break status;
            }
            if let Some(signals) = self.signals.as_ref().filter(|signals| !signalled && (signals.due)()) {
                signals.send(child.id());
                signalled = true;
            }
            if start.elapsed() > BOUND {
                child.kill().ok();
                child.wait().ok();
                panic!("still running after {BOUND:?}: {:?}", self.args);
            }
            thread::sleep(Duration::from_millis(2));
        };
        let elapsed = start.elapsed();
        Run {
            code: status.code().expect("the plugin ends by itself"),
            stdout: String::from_utf8(stdout.join().unwrap()).expect("standard output is UTF-8"),
            stderr: String::from_utf8_lossy(&stderr.join().unwrap()).into_owned(),
            elapsed,
            peak_kib,
        }
    }
}

impl Signals {
    fn send(&self, process: u32) {
        for name in &self.names {
            // The process may be gone behind the first one.
            let kill = format!("kill -{name} {process} 2>&-");
            Command::new("sh").args(["-c", &kill]).status().expect("sh is there");
        }
    }
}

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
    /// The most memory that it had, as last seen while it ran.
    pub peak_kib: u64,
}

impl Run {
    /// Asserts all that holds for every report, whatever happened.
    pub fn check_sound(&self) -> &Self {
        if let Err(fault) = self.soundness() {
            panic!("{fault}\n{self:#?}");
        }
        self
    }

    /// Line 1 between `IMAP is STATE: ` and the perfdata.
    pub fn summary(&self) -> &str {
        let text = self.first_line().split('|').next().unwrap();
        text.split_once(": ").map_or("", |(_, summary)| summary)
    }

    /// `OK`, `WARNING`, `CRITICAL` or `UNKNOWN`, as line 1 has it.
    pub fn state(&self) -> &str {
        let told = self.first_line().strip_prefix("IMAP is ");
        told.and_then(|t| t.split(':').next()).unwrap_or("")
    }

    /// The lines after the first.
    pub fn long_text(&self) -> Vec<&str> {
        self.stdout.lines().skip(1).collect()
    }

    /// The line of one phase, without its `[STATE] `: `login: 0.042 s`.
    pub fn phase_line(&self, phase: &str) -> Option<&str> {
        self.long_text().into_iter().find_map(|line| {
            let (_, told) = line.strip_prefix('[')?.split_once("] ")?;
            let rest = told.strip_prefix(phase)?;
            rest.starts_with(':').then_some(told)
        })
    }

    /// Every perfdata item, in order. Panics on what the grammar refuses.
    pub fn perfdata(&self) -> Vec<Item> {
        match self.items() {
            Ok(items) => items,
            Err(fault) => panic!("{fault}\n{self:#?}"),
        }
    }

    pub fn item(&self, label: &str) -> Option<Item> {
        self.perfdata().into_iter().find(|i| i.label == label)
    }

    /// The value of one label: none where the label is missing or its value is `U`.
    pub fn value(&self, label: &str) -> Option<f64> {
        self.item(label).and_then(|item| item.value)
    }

    pub fn labels(&self) -> Vec<String> {
        self.perfdata().into_iter().map(|i| i.label).collect()
    }

    fn first_line(&self) -> &str {
        self.stdout.lines().next().unwrap_or("")
    }

    fn items(&self) -> Result<Vec<Item>, String> {
        match self.first_line().split_once('|') {
            Some((_, perfdata)) => perfdata.split(' ').map(Item::parse).collect(),
            None => Ok(Vec::new()),
        }
    }

    fn soundness(&self) -> Result<(), String> {
        ensure(self.stderr.is_empty(), "standard error is not empty")?;
        ensure(self.stdout.len() < 65_536, "64 KB of output or more")?;
        ensure(self.stdout.ends_with('\n'), "the last line has no end")?;
        ensure(!self.stdout.contains("\n\n"), "an empty line")?;
        let control = self.stdout.chars().any(|c| c.is_control() && c != '\n');
        ensure(!control, "a control character")?;

        let state = match self.code {
            0 => "OK",
            1 => "WARNING",
            2 => "CRITICAL",
            3 => "UNKNOWN",
            code => return Err(format!("exit code {code}")),
        };
        let opening = format!("IMAP is {state}: ");
        ensure(self.stdout.starts_with(&opening), "state and exit code")?;
        ensure(!self.summary().trim().is_empty(), "an empty summary")?;
        let text = self.first_line().split('|').next().unwrap();
        ensure(text.len() < 1_000, "the message outgrows 1,000 bytes")?;
        let bars = self.stdout.matches('|').count();
        let bars_on_line_1 = self.first_line().matches('|').count();
        ensure(bars == bars_on_line_1 && bars <= 1, "a second |")?;

        let items = self.items()?;
        let mut seen = HashSet::new();
        for item in &items {
            ensure(seen.insert(&item.label), "a label stands there twice")?;
        }
        let told = |label: &str| seen.iter().any(|l| *l == label);
        let complete = told("total") && told("timed_out") && (told("login_ok") || told("login_ok_a1"));
        let bad_usage = bars == 0 && self.code == 3;
        ensure(bad_usage || complete, "total, timed_out or login_ok is missing")
    }
}

/// One perfdata item, `'label'=value[unit];warn;crit;min;max`.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub label: String,
    /// None for `U`.
    pub value: Option<f64>,
    pub unit: String,
    /// Thresholds as printed: empty where there is none.
    pub warning: String,
    pub critical: String,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl Item {
    fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("perfdata item {text:?}: {why}");
        let (label, fields) = text
            .strip_prefix('\'')
            .and_then(|rest| rest.split_once("'="))
            .ok_or_else(|| refuse("not 'label'=value"))?;
        let clean = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        ensure(!label.is_empty() && label.chars().all(clean), "bad label").map_err(|e| refuse(&e))?;

        let fields: Vec<&str> = fields.split(';').collect();
        ensure(fields.len() <= 5, "more than five fields").map_err(|e| refuse(&e))?;
        let field = |i: usize| fields.get(i).copied().unwrap_or("");
        let range = |i: usize| {
            let sound = field(i).chars().all(|c| "0123456789.-:@~".contains(c));
            ensure(sound, "bad threshold").map_err(|e| refuse(&e))?;
            Ok::<_, String>(field(i).to_owned())
        };
        let bound = |i: usize| match field(i) {
            "" => Ok(None),
            number => decimal(number).map(Some).map_err(|e| refuse(&e)),
        };
        let number_end = field(0).find(|c: char| !"0123456789.-".contains(c));
        let (number, unit) = field(0).split_at(number_end.unwrap_or(field(0).len()));
        let (value, unit) = match (number, unit) {
            ("", "U") => (None, ""),
            _ => (Some(decimal(number).map_err(|e| refuse(&e))?), unit),
        };
        ensure(["", "s"].contains(&unit), "unknown unit").map_err(|e| refuse(&e))?;
        Ok(Self {
            label: label.to_owned(),
            value,
            unit: unit.to_owned(),
            warning: range(1)?,
            critical: range(2)?,
            min: bound(3)?,
            max: bound(4)?,
        })
    }
}

/// A number in digits, with at most six after the point.
fn decimal(text: &str) -> Result<f64, String> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let sound = match unsigned.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && part.len() <= 6,
        None => digits(unsigned),
    };
    ensure(sound, "not a plain decimal number")?;
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// The peak of the plugin's resident memory in KiB, while it lives and once it is no longer the
/// copy of this process that it begins as.
fn memory_of(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let peak = field("VmHWM:").filter(|_| field("Name:").is_some_and(|name| BINARY.contains(name)))?;
    peak.split(' ').next()?.parse().ok()
}

/// Reads a pipe to its end beside the test, so that a full pipe never holds the plugin up.
fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).ok();
        bytes
    })
}

#[test]
fn the_grammar_refuses_what_consumers_cannot_read() {
    let sound = "IMAP is OK: h: login 0.001 s|'login'=0.001s;;;0;8 'select_Entwürfe'=0.1s \
                 'total'=0.2s;2;~:3;0;8 'login_ok'=1;;;0;1 'timed_out'=0 'cert_days'=-3.5\n";
    let run = |stdout: &str| Run {
        code: 0,
        stdout: stdout.to_owned(),
        stderr: String::new(),
        elapsed: Duration::ZERO,
        peak_kib: 0,
    };
    run(sound).check_sound();
    assert_eq!(run(sound).value("cert_days"), Some(-3.5));
    assert_eq!(run(sound).item("total").unwrap().critical, "~:3");
    for (part, fault) in [
        ("OK", "WARNING"),
        ("h: ", "h| "),
        ("h: ", "h\u{1b}: "),
        ("0.001s", "1e-3s"),
        ("0.001s", "0.0000001s"),
        ("0.001s", "0,001s"),
        ("0.001s", "NaNs"),
        ("'login'", "login"),
        ("'login'", "'lo gin'"),
        ("'login'", "'total'"),
        ("'timed_out'=0 ", ""),
        (";8 ", ";8  "),
        (";8 ", ";8;9 "),
        (";8 ", ";x "),
        ("3.5\n", "3.5"),
        ("3.5\n", "3.5\na | b\n"),
        ("3.5\n", "3.5\n\n[OK] x\n"),
    ] {
        let broken = sound.replacen(part, fault, 1);
        assert!(run(&broken).soundness().is_err(), "accepted: {broken}");
    }
    let noisy = Run { stderr: "warning".to_owned(), ..run(sound) };
    assert!(noisy.soundness().is_err());
}
