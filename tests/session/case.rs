//! A case: a plan, a script of the server, and what the plugin must make of it. Every case is held to the invariants: a
//! report that is sound and complete, in time, with no secret in it.
use std::panic::resume_unwind;
use std::slice;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tempfile::NamedTempFile;

use crate::testkit::identity::foreign_ca;
use crate::testkit::invariants::{check_labels, read_lines};
use crate::testkit::judging::find_failure;
use crate::testkit::nagios::{Run, shorten};
use crate::testkit::plan::{MODES, Mode, Phase, Plan};
use crate::testkit::plugin::Plugin;
use crate::testkit::server::{Record, Server};
use crate::testkit::step::{Step, drip};

pub const USER: &str = "probe@example.org";
pub const PASSWORD: &str = "opensesame";
/// The phases in which a server can be at fault, of the usual plan of each mode.
pub fn phases_of_all_modes() -> Vec<(Mode, Phase)> {
    let phases = |mode: Mode| Plan::from(mode).phases_of_server().into_iter().map(move |phase| (mode, phase));
    let all = MODES.into_iter().flat_map(phases);
    all.filter(|(_, phase)| phase.operation != "logout").collect()
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
    plan: Plan,
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
    pub fn new(name: &str, plan: impl Into<Plan>, script: Vec<Step>) -> Self {
        Self {
            name: name.to_owned(),
            plan: plan.into(),
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
        let mut plugin =
            plugin(server.port, self.plan.clone()).password(&self.password).args(&self.args).args(verbosity);
        if self.plan.mode != Mode::Clear {
            plugin = plugin.arg("--ca-file").arg(foreign.as_ref().map_or(server.ca_file(), NamedTempFile::path));
        }
        (plugin.run(), server.finish())
    }

    fn judge(&self, run: &Run, record: &Record) {
        record.check_expected();
        run.check_sound();
        assert_eq!(run.code, self.code, "exit code");
        let first = skip_host(run);
        let (wanted, came) = (&self.first, shorten(first));
        assert!(
            first.starts_with(wanted),
            "the summary was to begin with: {wanted}\n                it begins with: {came}"
        );
        let (text, came) = (&self.text, shorten(run.summary()));
        assert!(
            run.summary().contains(text),
            "the summary was to have in it: {text}\n                        it is: {came}"
        );

        let by_limit = first.contains(" timed out after ");
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
        read_lines(&self.plan, run);
        check_labels(&self.plan, run);
        self.check_words(run);
        for secret in secrets(&self.password) {
            assert!(!run.stdout.contains(&secret), "{secret} is in the output");
        }
        (self.also)(run, record);
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

/// Runs cases a few at a time, plain and verbose, and reports every one that fails.
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
                if let Some(fault) = find_failure(|| case.judge(&run, &record)) {
                    failures.lock().unwrap().push(Failure::new(&case, verbosity, &run, &record, &fault));
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
    if !failures.is_empty() {
        // Without the panic's own words, so that nothing stands behind the report.
        eprintln!("{}", report(&failures));
        resume_unwind(Box::new("runs fail"));
    }
}

/// A run that is not as its case has it.
struct Failure {
    name: String,
    /// All that is known, what was expected and what came last.
    text: String,
}

impl Failure {
    fn new(case: &Case, verbosity: Option<&str>, run: &Run, record: &Record, fault: &str) -> Self {
        let options = [case.plan.options(), case.args.clone(), verbosity.map(str::to_owned).into_iter().collect()];
        let name = format!("{}: {}", case.name, options.concat().join(" "));
        let awaited = record.awaited.as_ref().map(|text| format!("the server still waited for: {text:?}\n"));
        let text = format!("{run:?}\n{}{}", awaited.unwrap_or_default(), fault);
        Self { name, text }
    }
}

/// The names of all failures, but of the last ones alone what became of them: nobody reads a thousand.
fn report(failures: &[Failure]) -> String {
    const IN_FULL: usize = 3;
    let (names, in_full) = failures.split_at(failures.len().saturating_sub(IN_FULL));
    let names = names.iter().map(|failure| format!("    {}", failure.name));
    let in_full = in_full.iter().map(|failure| format!("--- {}\n{}", failure.name, failure.text));
    let lines = [format!("{} runs fail", failures.len())].into_iter().chain(names).chain(in_full);
    lines.collect::<Vec<_>>().join("\n")
}

pub fn plugin(port: u16, plan: impl Into<Plan>) -> Plugin {
    Plugin::new(["-H", "127.0.0.1", "-p", &port.to_string(), "-u", USER]).args(plan.into().options()).password(PASSWORD)
}

/// The summary behind the host: the worst phase and its reason, or what went well.
pub fn skip_host(run: &Run) -> &str {
    let summary = run.summary();
    summary.strip_prefix("127.0.0.1: ").unwrap_or(summary)
}

/// A password in every form in which it may come back.
fn secrets(password: &str) -> [String; 4] {
    let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
    let plain = BASE64_STANDARD.encode(format!("\0{USER}\0{password}"));
    [password.to_owned(), quoted, BASE64_STANDARD.encode(password), plain]
}
