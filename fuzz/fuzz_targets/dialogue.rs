//! All that a server says in a run without TLS, or before STARTTLS's handshake: no panic, bounded memory, a readable
//! report, no secret.
//!
//! Line 1 of the input has words that choose the run (`starttls mailboxes operations write -vvv`, say). The rest is the server's text: an
//! empty line ends what arrives at once, `~` does so inside a line, `---` ends a connection, `x1000` says the line before
//! it a thousand times, and `~1000` does so without its line end.

#![no_main]

use std::alloc::System;
use std::collections::VecDeque;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::prelude::{BASE64_STANDARD, Engine};
use cap::Cap;
use libfuzzer_sys::{Corpus, fuzz_target};

use check_imap_session::credentials::secret::Secret;
use check_imap_session::imap::stream::{Played, Socket};
use check_imap_session::operation::Step;
use check_imap_session::options::{Options, Request};
use check_imap_session::plan::Plan;
use check_imap_session::report::{Outcome, Report};
use check_imap_session::run::course::Course;
use check_imap_session::run::event::{Effect, Input, Reporter};
use check_imap_session::run::worker::{Job, play};
use check_imap_session_fuzz::check_report;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What a run may have in memory beside the server's text. The process may have 16 MiB: a run with TLS takes half of
/// that at its best, and what the allocator holds back can double this.
const MAX_MEMORY: usize = 4 << 20;
/// What the text may become by its `x1000`: twice what a phase takes.
const MAX_TEXT: usize = 2 << 20;

fuzz_target!(|input: &[u8]| -> Corpus {
    let (words, text) = input.split_at(input.iter().position(|&byte| byte == b'\n').unwrap_or(input.len()));
    let words: Vec<&[u8]> = words.split(|&byte| byte == b' ').collect();
    let wants = |word: &str| words.contains(&word.as_bytes());
    let password = match () {
        () if wants("quotes") => "hunter2 \"and\" \\more",
        () if wants("8-bit") => "pässwörter für alle",
        () if wants("short") => "pw",
        () => "hunter2-hunter2",
    };
    let Some(connections) = connections(text.strip_prefix(b"\n").unwrap_or_default(), wants("reset")) else {
        return Corpus::Reject;
    };

    let options = options(&wants, password);
    let mut plan = Plan::new(&options.plan).expect("the plan is right");
    plan.phases.retain(|phase| ![Step::Resolve, Step::Connect].iter().any(|step| phase.operation.is_step(*step)));
    let (report, written) = run(&Arc::new(plan), &options, password, connections);
    check_outcomes(&report);
    let output = check_report(&report, &options);
    for secret in [password, BASE64_STANDARD.encode(password).trim_end_matches('=')] {
        assert!(!output.contains(secret), "{output}");
    }
    if wants("starttls") {
        assert!(!written.contains("LOGIN") && !written.contains(password), "a password in clear");
    }
    Corpus::Keep
});

fn options(wants: &impl Fn(&str) -> bool, password: &str) -> Box<Options> {
    let mut arguments = vec!["-H", "imap.example.org", "-u", "joe", "-t", "3600"];
    arguments.push(if wants("starttls") { "--tls=starttls" } else { "--tls=none" });
    if wants("mailboxes") {
        arguments.extend(["-m", "INBOX", "-m", "Entwürfe", "-m", "a \"b\"", "-w", "select.messages=1:"]);
    }
    if wants("operations") {
        arguments.extend([
            "-O",
            "search:INBOX?UNSEEN",
            "-O",
            "age:INBOX",
            "-O",
            "idle:INBOX",
            "-O",
            "quota",
            "-O",
            "list",
        ]);
        arguments.extend(["-O", "status:Entwürfe", "-O", "noop", "-O", "id", "-w", "age.newest=900", "-c", "quota=80"]);
    }
    if wants("write") {
        arguments.extend(["-O", "append:Probe", "-c", "remove.removed=1:"]);
    } else if wants("--examine") {
        arguments.push("--examine");
    }
    arguments.extend(["--perfdata-u", "-v", "-vv", "-vvv"].iter().filter(|option| wants(option)));
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    match Options::parse(&arguments, Some(password.into())) {
        Ok(Request::Check(options)) => options,
        _ => panic!("the options are right"),
    }
}

/// The report, and all that was written to the server. The rules of a run are the program's own: a connection lost in a
/// task is followed by a fresh one for the tasks that are left.
fn run(plan: &Arc<Plan>, options: &Options, password: &str, mut connections: VecDeque<Connection>) -> (Report, String) {
    let written = Arc::new(Mutex::new(Vec::new()));
    let settings = Arc::new(options.make_worker_settings());
    let password = Secret::new(password.into());
    let course = Course::new(Arc::clone(plan), Instant::now());
    let state = Arc::new(Mutex::new((course, Effect::Reconnect { from: 0, reopen: None })));
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + MAX_MEMORY).expect("the limit is above what is in use");
    loop {
        let effect = state.lock().expect("no panic").1;
        let Effect::Reconnect { from, reopen } = effect else { break };
        let connection = connections.pop_front().unwrap_or_default();
        let server = Server { connection, written: Arc::clone(&written) };
        let job = Job { plan: Arc::clone(plan), from, reopen, addresses: Vec::new(), last_words: Arc::default() };
        let shared = Arc::clone(&state);
        let report: Reporter = Arc::new(move |event| {
            let mut state = shared.lock().expect("no panic");
            if state.1 != Effect::Stop && !matches!(state.1, Effect::Reconnect { from: next, .. } if next > from) {
                state.1 = state.0.take(Input::Event(event), Instant::now());
            }
            state.1 == Effect::Wait
        });
        play(&job, Socket::Played(Box::new(server)), &settings, &password, &report);
        let effect = state.lock().expect("no panic").1;
        assert!(effect != Effect::Wait, "a phase has no outcome");
        assert!(!matches!(effect, Effect::Reconnect { from: next, .. } if next == from), "the worker reports nothing");
    }
    ALLOCATOR.set_limit(usize::MAX).expect("there is no limit");
    let course = Course::new(Arc::clone(plan), Instant::now());
    let (course, _) = std::mem::replace(&mut *state.lock().expect("no panic"), (course, Effect::Stop));
    let written = String::from_utf8_lossy(&written.lock().expect("no panic")).into_owned();
    (course.report(Instant::now()), written)
}

/// Nothing is done without what it needs, or left out for no reason, and nothing is a fault of this program: the plan is
/// performed as it stands.
fn check_outcomes(report: &Report) {
    let mut logged_in = false;
    for report in &report.phases {
        let is_ok = report.outcome == Outcome::Ok;
        match &report.outcome {
            Outcome::Failed(reason) => assert!(!reason.what.is_empty()),
            // The handshake of STARTTLS is not played.
            Outcome::Fault(reason) => assert!(report.phase.operation.is_step(Step::Tls), "{reason}"),
            Outcome::NotRun(_) => assert!(!report.phase.operation.is_step(Step::Greeting)),
            Outcome::Ok | Outcome::TimedOut(_) => {}
        }
        assert!(!report.phase.operation.is_task() || logged_in || !is_ok);
        logged_in |= report.phase.operation.is_step(Step::Login) && is_ok;
        assert!(report.values.is_empty() || is_ok);
    }
}

/// What a server says on one connection.
#[derive(Default)]
struct Connection {
    /// What arrives at once.
    segments: VecDeque<Cursor<Vec<u8>>>,
    /// Reset, not closed, at the end.
    reset: bool,
}

/// None where the text would become too long.
fn connections(text: &[u8], reset: bool) -> Option<VecDeque<Connection>> {
    let mut connections = VecDeque::from([Connection { reset, ..Connection::default() }]);
    let mut segment: Vec<u8> = Vec::new();
    let mut last: &[u8] = b"";
    let mut size = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let open = connections.back_mut()?;
        match line {
            b"\n" => open.segments.push_back(Cursor::new(std::mem::take(&mut segment))),
            b"~\n" => {
                segment.pop_if(|byte| *byte == b'\n');
                open.segments.push_back(Cursor::new(std::mem::take(&mut segment)));
            }
            b"---\n" => {
                open.segments.push_back(Cursor::new(std::mem::take(&mut segment)));
                connections.push_back(Connection { reset, ..Connection::default() });
            }
            _ => {
                let (text, times) = match (times(line, b"x"), times(line, b"~")) {
                    (Some(times), _) => (last, times - 1),
                    (_, Some(times)) => {
                        last = last.strip_suffix(b"\n").unwrap_or(last);
                        segment.pop_if(|byte| *byte == b'\n');
                        (last, times - 1)
                    }
                    _ => (line, 1),
                };
                size += text.len() * times;
                if size > MAX_TEXT {
                    return None;
                }
                segment.extend(text.repeat(times));
                last = text;
            }
        }
    }
    connections.back_mut()?.segments.push_back(Cursor::new(segment));
    Some(connections)
}

/// The number of `x1000`.
fn times(line: &[u8], mark: &[u8]) -> Option<usize> {
    let number = line.strip_prefix(mark)?.strip_suffix(b"\n")?;
    str::from_utf8(number).ok()?.parse().ok().filter(|times| (1..=MAX_TEXT).contains(times))
}

struct Server {
    connection: Connection,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Played for Server {}

impl Read for Server {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(segment) = self.connection.segments.front_mut() {
            match segment.read(buffer)? {
                0 => self.connection.segments.pop_front(),
                read => return Ok(read),
            };
        }
        if self.connection.reset { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(0) }
    }
}

impl Write for Server {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.connection.reset && self.connection.segments.is_empty() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.written.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
