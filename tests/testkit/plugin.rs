//! Runs the real binary as a monitoring daemon would. What it printed is read in `nagios.rs` and `prometheus.rs`.
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

pub use super::nagios::Run;

/// The program under test: that of this build, or the one that `TESTED_BINARY` names.
pub static BINARY: LazyLock<String> = LazyLock::new(|| {
    std::env::var("TESTED_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_check_imap_session").to_owned())
});

/// Whether it is the portable build.
pub fn is_portable() -> bool {
    static VERSION: LazyLock<Run> = LazyLock::new(|| Plugin::new(["-V"]).run());
    VERSION.stdout.contains("(AWS-LC ")
}

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

    /// The process to be, without input and output. The launcher is a command that runs the one that stands behind it.
    pub fn command(&self, launcher: &[&str]) -> Command {
        let mut words = launcher.iter().copied().chain([BINARY.as_str()]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(&self.args)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir("/");
        command
    }

    pub fn run(self) -> Run {
        let start = Instant::now();
        let mut child = self
            .command(&[])
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
