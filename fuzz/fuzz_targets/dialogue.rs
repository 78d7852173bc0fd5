//! All that a server says in a run without TLS, or before STARTTLS's handshake: no panic, bounded memory, a readable
//! report, no secret.
//!
//! Line 1 of the input has words that choose the run (`starttls mailboxes -vvv`, say). The rest is the server's text: an
//! empty line ends what arrives at once, `~` does so inside a line, `---` ends a connection, `x1000` says the line before
//! it a thousand times, and `~1000` does so without its line end.

#![no_main]

use base64::prelude::{BASE64_STANDARD, Engine};
use cap::Cap;
use check_imap_session::run::event::{Done, Event, Fact, Job, Stop, Tell};
use check_imap_session::options::{Options, Request};
use check_imap_session::report::{Facts, Outcome, Record, Report};
use check_imap_session::plan::{Operation, Plan};
use check_imap_session::credentials::secret::Secret;
use check_imap_session::run::session::play;
use check_imap_session::imap::stream::{Played, Socket};
use check_imap_session_fuzz::check_report;
use libfuzzer_sys::{Corpus, fuzz_target};
use std::alloc::System;
use std::collections::VecDeque;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
    let mut plan = Plan::new(&options).expect("the plan is right");
    plan.phases.retain(|phase| !matches!(phase.operation, Operation::Resolve | Operation::Connect));
    let (report, written) = run(&plan, &options, password, connections);
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

fn options(wants: &impl Fn(&str) -> bool, password: &str) -> Arc<Options> {
    let mut arguments = vec!["-H", "imap.example.org", "-u", "joe", "-t", "3600"];
    arguments.push(if wants("starttls") { "--tls=starttls" } else { "--tls=none" });
    if wants("mailboxes") {
        arguments.extend(["-m", "INBOX", "-m", "Entwürfe", "-m", "a \"b\"", "-w", "select.messages=1:"]);
    }
    arguments.extend(["--examine", "--perfdata-u", "-v", "-vv", "-vvv"].iter().filter(|option| wants(option)));
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    match Options::parse(&arguments, Some(password.into())) {
        Ok(Request::Check(options)) => Arc::new(*options),
        _ => panic!("the options are right"),
    }
}

/// The report, and all that was written to the server. As the supervisor does it, a connection lost in a mailbox is
/// followed by a fresh one for the mailboxes that are left.
fn run(plan: &Plan, options: &Arc<Options>, password: &str, mut connections: VecDeque<Connection>) -> (Report, String) {
    let written = Arc::new(Mutex::new(Vec::new()));
    let operations = plan.phases.iter().map(|phase| phase.operation.clone()).collect();
    let heard = Arc::new(Mutex::new(Heard { operations, ..Heard::default() }));
    let password = Secret::new(password.into());
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + MAX_MEMORY).expect("the limit is above what is in use");
    loop {
        let from = heard.lock().expect("no panic").records.len();
        let connection = connections.pop_front().unwrap_or_default();
        let server = Server { connection, written: Arc::clone(&written) };
        let job = Job { plan: plan.clone(), from, addresses: Vec::new() };
        let listener = Arc::clone(&heard);
        let tell: Tell = Arc::new(move |event| listener.lock().expect("no panic").take(event));
        play(&job, Socket::Played(Box::new(server)), options, &password, &tell);

        let mut heard = heard.lock().expect("no panic");
        if heard.records.len() == plan.phases.len() {
            break;
        }
        assert!(heard.records.len() > from || heard.not_again.is_some(), "a phase has no outcome");
        if let Some(why) = heard.not_again.take() {
            let record = Record::new(Outcome::NotRun(format!("could not connect again: {why}")));
            heard.records.resize(plan.phases.len(), record);
            break;
        }
    }
    ALLOCATOR.set_limit(usize::MAX).expect("there is no limit");
    let heard = std::mem::take(&mut *heard.lock().expect("no panic"));
    let report = Report {
        plan: plan.clone(),
        records: heard.records,
        total: Duration::from_secs(1),
        obstacle: None,
        timed_out: false,
        facts: vec![Facts { dialogue: heard.dialogue, ..Facts::default() }],
    };
    let written = String::from_utf8_lossy(&written.lock().expect("no panic")).into_owned();
    (report, written)
}

/// What the worker has told.
#[derive(Default)]
struct Heard {
    operations: Vec<Operation>,
    records: Vec<Record>,
    dialogue: Vec<String>,
    not_again: Option<String>,
}

impl Heard {
    /// Whether the worker shall go on.
    fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Ended { result, .. } => {
                let phase = self.records.len();
                assert!(phase < self.operations.len(), "a phase has two outcomes");
                let mailbox = |phase: usize| self.operations[phase].mailbox().is_some();
                let lost = matches!(&result, Err(Stop::Failed(failure)) if failure.lost);
                let again = lost && mailbox(phase) && mailbox(phase + 1);
                self.records.push(record(result));
                !again
            }
            Event::NotAgain(why) => {
                self.not_again = Some(why);
                false
            }
            Event::Fact(Fact::Dialogue(_, line)) => {
                self.dialogue.push(line);
                true
            }
            Event::Ready(_) => true,
            other => panic!("{other:?}"),
        }
    }
}

fn record(result: Result<Done, Stop>) -> Record {
    match result {
        Ok(Done { messages, note }) => {
            Record { time: Some(Duration::from_millis(1)), messages, note, ..Record::new(Outcome::Ok) }
        }
        Err(Stop::Failed(failure)) => Record::new(Outcome::Failed(failure.reason)),
        Err(Stop::Impossible) => Record::new(Outcome::NotRun("an earlier phase failed".to_owned())),
    }
}

/// Nothing is done without what it needs, or left out for no reason.
fn check_outcomes(report: &Report) {
    assert_eq!(report.records.len(), report.plan.phases.len());
    let mut logged_in = false;
    for (phase, record) in report.plan.phases.iter().zip(&report.records) {
        match &record.outcome {
            Outcome::Failed(reason) => assert!(!reason.is_empty()),
            Outcome::NotRun(_) => assert_ne!(phase.operation, Operation::Greeting),
            _ => {}
        }
        logged_in |= phase.operation == Operation::Login && record.outcome == Outcome::Ok;
        assert!(phase.operation.mailbox().is_none() || logged_in != was_impossible(&record.outcome));
        assert!(record.messages.is_none() || (phase.operation.mailbox().is_some() && record.outcome == Outcome::Ok));
    }
}

/// Whether an earlier phase, not a fresh connection that could not be set up, is the reason.
fn was_impossible(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NotRun(why) if why == "an earlier phase failed")
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
