//! What all tests with real programs need: is the program there, start it, wait for something, end it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The plugin.
pub const BINARY: &str = env!("CARGO_BIN_EXE_check_imap_session");

/// A file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether all these programs are there; says loudly which is not, and that the test is skipped for it.
pub fn have(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|program| find(program).is_none()).collect();
    if !missing.is_empty() {
        eprintln!("SKIPPED, NOT TESTED: {missing:?} is not installed (tests/install-needs.sh installs it)");
    }
    missing.is_empty()
}

/// Where a program is, `/usr/sbin` and the plugins' folder included; a path is taken as it is.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/lib/nagios/plugins"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A program that runs until this is dropped: first SIGTERM, after a minute SIGKILL, which would leave behind what it had
/// started itself.
pub struct Daemon(Child);

impl Daemon {
    /// Standard output and error go to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = fs::File::create(log).expect("a log file");
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        Self(child.unwrap_or_else(|why| panic!("{command:?}: {why}")))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            if matches!(self.0.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks again and again until there is an answer; panics with `what` after the limit.
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        sleep(Duration::from_millis(100));
    }
}

/// The same text as an idle machine would have it: the seconds of each duration, `1.234 s` or `1.234567s`, are 0.
pub fn with_short_times(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let (number, behind) =
            number.split_at(number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len()));
        let unit = behind.strip_prefix(' ').unwrap_or(behind).strip_prefix('s');
        let is_duration = unit.is_some_and(|next| !next.starts_with(char::is_alphanumeric));
        let part = number.split_once('.').map(|(_, part)| part).filter(|part| is_duration && part.len() >= 3);
        out.push_str(before);
        out.push_str(&part.filter(|part| !part.contains('.')).map_or(number.to_owned(), |part| format!("0.{part}")));
        rest = behind;
    }
    out + rest
}

#[test]
fn only_the_seconds_of_durations_are_taken_away() {
    let busy = "IMAP is OK: 127.0.0.1 select 2 s: login 12.345 s, INBOX 0.002 s|login=1.234567s;2;4;0;8 a_days=364.9;21:;7:;; \
        total limit 1.5 s";
    let idle = "IMAP is OK: 127.0.0.1 select 2 s: login 0.345 s, INBOX 0.002 s|login=0.234567s;2;4;0;8 a_days=364.9;21:;7:;; \
        total limit 1.5 s";
    assert_eq!(with_short_times(busy), idle);
}

/// A port of loopback that was free just now and that no other test of this process was given, below those that the
/// system gives to clients.
pub fn free_port() -> u16 {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap();
    let start = next.unwrap_or_else(|| 10_000 + u16::try_from(std::process::id() % 50).unwrap() * 200);
    let port = (start..32_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port");
    *next = Some(port + 1);
    port
}

/// Runs to the end; panics with all it printed where it fails.
pub fn run(command: &mut Command) -> String {
    let output = output(command);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout
}

/// Runs to the end, however it ends.
pub fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|why| panic!("{command:?}: {why}"))
}

/// Copies the files of `source`, a folder of the project, to `folder`, and installs the packages of its
/// `package-lock.json` there. False, and says so loudly, if the registry cannot be reached.
pub fn install_by_npm(source: &str, folder: &Path) -> bool {
    for file in fs::read_dir(project(source)).expect(source) {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
    let installed = output(npm.args(["--fetch-retries=1", "--fetch-timeout=20000"]).current_dir(folder));
    if !installed.status.success() {
        let why = String::from_utf8_lossy(&installed.stderr);
        eprintln!("SKIPPED, NOT TESTED: npm cannot install the packages of {source}: {why}");
    }
    installed.status.success()
}
