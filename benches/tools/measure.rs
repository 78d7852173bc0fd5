//! What a run of a program costs, by tools that anybody has: wall-clock and processor time (`launch.py`), peak memory (GNU
//! time), system calls (strace), instructions (callgrind).

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

/// A program with its arguments and its whole environment.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub name: String,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
}

/// Of runs that were started together.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From the first start to the last end, in seconds.
    pub wall: f64,
    /// User and system time of all runs, in seconds.
    pub cpu: f64,
    /// Time of day of the last start, in seconds.
    pub started: f64,
    /// Runs that did not end with exit code 0.
    pub failed: u64,
}

/// Starts programs and reads what they cost.
pub struct Launcher {
    process: Child,
    jobs: ChildStdin,
    results: BufReader<ChildStdout>,
}

impl Program {
    pub fn new(name: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self {
            name: name.to_owned(),
            args: args.iter().map(|argument| (*argument).to_owned()).collect(),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    /// Runs once, to the end.
    pub fn output(&self) -> Output {
        self.under(&[]).output().unwrap_or_else(|why| panic!("{self:?}: {why}"))
    }

    /// What system calls a run makes, how many.
    pub fn system_calls(&self) -> Option<u64> {
        let report = tempfile::NamedTempFile::new().unwrap();
        self.watched("strace", &["-f", "-c", "-U", "calls,name", "-o", &report.path().to_string_lossy()])?;
        let report = std::fs::read_to_string(report.path()).unwrap();
        let total = report.lines().find(|line| line.ends_with("total")).unwrap_or_else(|| panic!("strace: {report}"));
        Some(total.split_whitespace().next().unwrap().parse().unwrap())
    }

    /// The peak of a run's resident memory in KiB.
    pub fn peak_memory(&self) -> Option<u64> {
        let report = tempfile::NamedTempFile::new().unwrap();
        self.watched("/usr/bin/time", &["-f", "%M", "-o", &report.path().to_string_lossy()])?;
        Some(std::fs::read_to_string(report.path()).unwrap().trim().parse().unwrap())
    }

    /// The processor time of a run in seconds, to the millisecond; the kernel's part included.
    pub fn processor_time(&self) -> f64 {
        let output =
            self.watched("bash", &["-c", "TIMEFORMAT='%U %S'; time \"$@\" 2>&1", "bash"]).expect("bash is there");
        let times = String::from_utf8_lossy(&output.stderr).into_owned();
        times.split_whitespace().map(|time| time.parse::<f64>().unwrap_or_else(|why| panic!("{why}: {times}"))).sum()
    }

    /// The instructions of a run outside the kernel; much the same in every run.
    pub fn instructions(&self) -> Option<u64> {
        let output = self.watched("valgrind", &["--tool=callgrind", "--callgrind-out-file=/dev/null"])?;
        let report = String::from_utf8_lossy(&output.stderr).into_owned();
        let collected = report.lines().find_map(|line| line.split_once("Collected : "));
        Some(collected.unwrap_or_else(|| panic!("callgrind: {report}")).1.trim().parse().unwrap())
    }

    /// A run under a tool that is there.
    fn watched(&self, tool: &str, arguments: &[&str]) -> Option<Output> {
        find(tool)?;
        let mut command = self.under(&[&[tool], arguments].concat());
        let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
        assert!(output.status.success(), "{command:?}: {output:?}");
        Some(output)
    }

    fn under(&self, tool: &[&str]) -> Command {
        let mut words = tool.iter().copied().chain(self.args.iter().map(String::as_str));
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).env_clear().env("PATH", "/usr/bin:/bin").envs(&self.env).stdin(Stdio::null());
        command
    }
}

impl Launcher {
    pub fn start() -> Self {
        let script = project("benches/tools/launch.py");
        let mut process = Command::new("/usr/bin/python3")
            .arg("-I")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 (tests/install-needs.sh bench installs it)");
        let jobs = process.stdin.take().unwrap();
        let results = BufReader::new(process.stdout.take().unwrap());
        Self { process, jobs, results }
    }

    /// One run.
    pub fn run(&mut self, program: &Program) -> Cost {
        self.runs(program, 1, 1)
    }

    /// So many runs, so many of them at once.
    pub fn runs(&mut self, program: &Program, runs: u64, at_once: u64) -> Cost {
        let job = json!({"args": program.args, "env": program.env, "runs": runs, "at_once": at_once});
        writeln!(self.jobs, "{job}").unwrap();
        let mut line = String::new();
        self.results.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|why| panic!("{program:?}: {why}: {line}"));
        let seconds = |name: &str| told[name].as_f64().unwrap();
        let good = told["codes"].get("0").and_then(Value::as_u64).unwrap_or(0);
        Cost { wall: seconds("wall"), cpu: seconds("cpu"), started: seconds("started"), failed: runs - good }
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where a program is, the plugins' folder included; a path is taken as it is.
pub fn find(program: &str) -> Option<PathBuf> {
    let folders = ["/usr/bin", "/bin", "/usr/sbin", "/usr/lib/nagios/plugins"];
    folders.iter().map(|folder| Path::new(folder).join(program)).find(|file| file.is_file())
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value that this share of the others does not exceed.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a place in a list"
)]
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// A whole number from the environment.
pub fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|why| panic!("{name}={text}: {why}")))
}
