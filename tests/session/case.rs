//! Scripts of whole sessions, and the invariants that every case is held to: a report that is
//! sound and complete, told in time, with no secret in it.
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tempfile::NamedTempFile;

use crate::testkit::identity::foreign_ca;
use crate::testkit::plugin::{Plugin, Run};
use crate::testkit::server::{Record, Server};
use crate::testkit::step::{Step, drip, leave, send, tagged};

pub const USER: &str = "probe@example.org";
pub const PASSWORD: &str = "opensesame";
pub const MODES: [Mode; 3] = [Mode::Implicit, Mode::Starttls, Mode::Clear];
pub const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n";

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    Implicit,
    Starttls,
    Clear,
}

impl Mode {
    pub fn option(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Starttls => "starttls",
            Self::Clear => "none",
        }
    }

    /// What the server does in each phase: the command that it reads first, and its answer.
    pub fn phases(self) -> Vec<(&'static str, Option<&'static str>, Vec<Step>)> {
        let greeting = ("greeting", None, vec![send(GREETING)]);
        let tls = ("tls", None, vec![Step::StartTls]);
        let starttls = ("starttls", Some("STARTTLS"), vec![tagged("OK go ahead")]);
        let mut phases = match self {
            Self::Implicit => vec![tls, greeting],
            Self::Starttls => vec![greeting, starttls, tls],
            Self::Clear => vec![greeting],
        };
        let login = vec![tagged("OK Logged in")];
        phases.push(("login", Some("LOGIN"), login));
        for (phase, name, exists) in
            [("select INBOX", "INBOX", "* 3 EXISTS\r\n"), ("select Archive", "Archive", "* 172 EXISTS\r\n")]
        {
            let flags = "* FLAGS (\\Seen \\Deleted)\r\n* 0 RECENT\r\n* OK [UIDNEXT 4] next\r\n";
            let answer = vec![send(flags), send(exists), tagged("OK [READ-WRITE] done")];
            phases.push((phase, Some(name), answer));
        }
        let logout = leave().split_off(1);
        phases.push(("logout", Some("LOGOUT"), logout));
        phases
    }
}

pub fn phases_of_all_modes() -> Vec<(Mode, &'static str)> {
    let names = |mode: Mode| mode.phases().into_iter().map(move |phase| (mode, phase.0));
    let all = MODES.into_iter().flat_map(names);
    all.filter(|(_, phase)| *phase != "logout").collect()
}

pub fn well(mode: Mode) -> Vec<Step> {
    replaced(mode, "no phase", &[])
}

/// All goes well, with these steps in place of one phase's answer.
pub fn replaced(mode: Mode, phase: &str, steps: &[Step]) -> Vec<Step> {
    let mut script = Vec::new();
    for (name, command, answer) in mode.phases() {
        script.extend(command.map(|c| Step::Expect(c.to_owned())));
        script.extend(if name == phase { steps.to_vec() } else { answer });
    }
    script
}

/// All goes well until the phase waits for its answer; then these steps, and nothing more.
pub fn ended(mode: Mode, phase: &str, steps: Vec<Step>) -> Vec<Step> {
    let mut script = Vec::new();
    for (name, command, answer) in mode.phases() {
        script.extend(command.map(|c| Step::Expect(c.to_owned())));
        if name == phase {
            script.extend(steps);
            return script;
        }
        script.extend(answer);
    }
    panic!("{phase} is no phase of {mode:?}");
}

/// Whether this step reads the command of the phase.
pub fn is_last_expect(step: &Step, phase: &str) -> bool {
    let phases = Mode::Starttls.phases();
    let (_, command, _) = phases.iter().find(|p| p.0 == phase).unwrap();
    matches!((step, command), (Step::Expect(text), Some(command)) if text == command)
}

/// What keeps a per-read time-out quiet for ten seconds.
pub fn dripped(phase: &str) -> Vec<Step> {
    if phase == "tls" {
        let record = [b"\x16\x03\x03\x40\x00".to_vec(), vec![0; 95]].concat();
        let interval = Duration::from_millis(100);
        return vec![Step::Drip { bytes: record, interval }];
    }
    // A line of its own would be a good greeting.
    let end = if phase == "greeting" { "" } else { "\r\n" };
    vec![drip(&format!("* OK still here{end}").repeat(6), 100)]
}

pub fn without_cr(script: Vec<Step>) -> Vec<Step> {
    let bare = |step| match step {
        Step::Send(bytes) => Step::Send(bytes.into_iter().filter(|b| *b != b'\r').collect()),
        Step::SendTagged(_) => Step::Answer(|tag| format!("{tag} OK\n").into_bytes()),
        other => other,
    };
    script.into_iter().map(bare).collect()
}

/// What Nagios changes or removes in an output.
const TAKEN: &[u8] = b";`~$&'\"<>";

type Also = Box<dyn Fn(&Run, &Record) + Send + Sync>;

/// A script and what the plugin must make of it.
pub struct Case {
    name: String,
    mode: Mode,
    script: Vec<Step>,
    /// What further connections play; without any all play the script.
    further: Vec<Vec<Step>>,
    intercepted: bool,
    password: String,
    args: Vec<String>,
    code: i32,
    /// What the summary begins with, behind the host.
    first: String,
    text: String,
    also: Also,
}

impl Case {
    pub fn new(name: &str, mode: Mode, script: Vec<Step>) -> Self {
        Self {
            name: name.to_owned(),
            mode,
            script,
            further: Vec::new(),
            intercepted: false,
            password: PASSWORD.to_owned(),
            args: Vec::new(),
            code: 0,
            first: String::new(),
            text: String::new(),
            also: Box::new(|_, _| ()),
        }
    }

    /// The next connection plays this; behind the last one there is no more listener.
    pub fn then(mut self, script: Vec<Step>) -> Self {
        self.further.push(script);
        self
    }

    /// The CA that the plugin trusts is not that of the server.
    pub fn intercepted(mut self) -> Self {
        self.intercepted = true;
        self
    }

    pub fn password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self
    }

    pub fn args(mut self, args: &str) -> Self {
        self.args = args.split_whitespace().map(str::to_owned).collect();
        self
    }

    pub fn gives(mut self, code: i32, first: &str) -> Self {
        self.code = code;
        first.clone_into(&mut self.first);
        self
    }

    pub fn saying(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    pub fn also(mut self, also: impl Fn(&Run, &Record) + Send + Sync + 'static) -> Self {
        self.also = Box::new(also);
        self
    }

    fn run(&self, verbosity: Option<&str>) -> (Run, Record) {
        let server = match self.further.as_slice() {
            [] => Server::start(self.script.clone()),
            further => Server::in_turn([slice::from_ref(&self.script), further].concat()),
        };
        let foreign = self.intercepted.then(foreign_ca);
        let mut plugin = plugin(server.port, self.mode).password(&self.password).args(&self.args).args(verbosity);
        if self.mode != Mode::Clear {
            plugin = plugin.arg("--ca-file").arg(foreign.as_ref().map_or(server.ca_file(), NamedTempFile::path));
        }
        (plugin.run(), server.finish())
    }

    fn judge(&self, run: &Run, record: &Record) {
        run.check_sound();
        assert_eq!(record.surprises, Vec::<String>::new());
        assert_eq!(run.code, self.code);
        let told = told_first(run);
        assert!(told.starts_with(&self.first), "not {}", self.first);
        assert!(run.summary().contains(&self.text), "no {}", self.text);

        let by_limit = told.contains(" timed out after ");
        let limit = run.item("total").unwrap().max.unwrap();
        // This clock has the start of the process in it: seconds on a machine that is overloaded.
        assert!(run.elapsed.as_secs_f64() < limit + 8.0, "took {:?}", run.elapsed);
        let total = run.value("total").unwrap();
        assert!(total < limit + 0.5, "not within the limit");
        // LOGOUT has its second.
        assert!(run.elapsed.as_secs_f64() < total + 1.0 + 8.0, "took {:?}, total {total} s", run.elapsed);
        assert!(run.peak_kib < 16 * 1024, "{} KiB of memory", run.peak_kib);
        if self.code != 0 {
            let timed_out = run.value("timed_out").unwrap();
            assert_eq!(timed_out > 0.5, by_limit, "timed_out is {timed_out}");
        }
        self.check_phases(run);
        self.check_words(run);
        for secret in secrets(&self.password) {
            assert!(!run.stdout.contains(&secret), "{secret} is in the output");
        }
        (self.also)(run, record);
    }

    /// One line for each planned phase where they are shown, and the labels in their order.
    fn check_phases(&self, run: &Run) {
        let mut planned = vec!["resolve", "connect"];
        planned.extend(self.mode.phases().iter().map(|phase| phase.0));
        let lines = run.long_text();
        if !lines.is_empty() || self.code != 0 {
            for phase in &planned {
                let start = format!("] {phase}: ");
                let is_line = |line: &&&str| line.starts_with('[') && line.contains(&start);
                let count = lines.iter().filter(is_line).count();
                assert_eq!(count, 1, "lines for {phase}");
            }
        }
        let mut labels: Vec<String> = planned.iter().map(|p| p.replace(' ', "_")).collect();
        let always = ["total", "login_ok", "select_INBOX_ok", "select_Archive_ok", "timed_out"];
        labels.extend(always.map(str::to_owned));
        labels.extend(["messages_INBOX", "messages_Archive", "cert_days"].map(str::to_owned));
        let told = run.labels();
        let mut order = labels.iter();
        let in_order = told.iter().all(|label| order.any(|l| l == label));
        assert!(in_order, "labels {told:?}");
        assert!(always.iter().all(|label| told.iter().any(|l| l == label)));
    }

    /// Our own text has nothing that a consumer takes out or changes; a server's may.
    fn check_words(&self, run: &Run) {
        let taken = |bytes: &[u8]| bytes.iter().any(|b| TAKEN.contains(b));
        let by_server = self.script.iter().chain(self.further.iter().flatten()).any(|step| match step {
            Step::Send(bytes) | Step::SendTagged(bytes) | Step::Drip { bytes, .. } | Step::Flood { bytes, .. } => {
                taken(bytes)
            }
            Step::Answer(made_of) => taken(&made_of("a1")),
            _ => false,
        });
        assert!(by_server || !taken(run.summary().as_bytes()), "a sign that consumers take out");
    }
}

/// Runs cases a few at a time, plain and verbose, and tells about every one that fails.
pub fn check_all(cases: Vec<Case>) {
    assert!(!cases.is_empty());
    let queue = Mutex::new(cases.into_iter());
    let failures = Mutex::new(Vec::new());
    let work = || {
        // The queue is free again while the case runs.
        let next = || queue.lock().unwrap().next();
        while let Some(case) = next() {
            for verbosity in [None, Some("-vvv")] {
                let (run, record) = case.run(verbosity);
                let judged = catch_unwind(AssertUnwindSafe(|| case.judge(&run, &record)));
                if let Err(fault) = judged {
                    let name = format!("{} ({:?}, {})", case.name, case.mode, case.first);
                    let failure = format!("--- {name}: {}\n{run:#?}", message(&*fault));
                    failures.lock().unwrap().push(failure);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    let count = failures.len();
    assert!(count == 0, "{count} runs fail:\n{}", failures.join("\n"));
}

fn message(fault: &(dyn Any + Send)) -> String {
    let owned = fault.downcast_ref::<String>().cloned();
    let fixed = || fault.downcast_ref::<&str>().map(|s| (*s).to_owned());
    owned.or_else(fixed).unwrap_or_default()
}

pub fn plugin(port: u16, mode: Mode) -> Plugin {
    Plugin::new(["-H", "127.0.0.1", "-p", &port.to_string(), "-u", USER])
        .args(["--tls", mode.option(), "-m", "INBOX", "-m", "Archive"])
        .password(PASSWORD)
}

/// The summary behind the host: the worst phase and its reason, or what went well.
pub fn told_first(run: &Run) -> &str {
    let summary = run.summary();
    summary.strip_prefix("127.0.0.1: ").unwrap_or(summary)
}

/// A password in every form in which it may come back.
fn secrets(password: &str) -> [String; 4] {
    let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
    let plain = BASE64_STANDARD.encode(format!("\0{USER}\0{password}"));
    [password.to_owned(), quoted, BASE64_STANDARD.encode(password), plain]
}
