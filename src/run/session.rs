//! What each phase does on the wire: the table (operation, state) -> state. Ordinary blocking calls, no limits:
//! those are the supervisor's.

use crate::credentials::secret::{Redactor, Secret};
use crate::imap::dialogue::{Dialogue, Log, Word};
use crate::imap::mailbox_name;
use crate::imap::stream::{Socket, Stream};
use crate::net::connect;
use crate::net::tls::Connector;
use crate::options::{Options, PasswordSource, TlsMode};
use crate::plan::Operation;
use crate::run::event::{Done, Event, Fact, Failure, Job, Stop, Tell, Worker};
use crate::text::{self, io_reason};
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use zeroize::Zeroizing;

/// More than any password or CA file has.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// More lines of dialogue than anybody reads; a flood must not fill the memory.
const MAX_DIALOGUE: usize = 500;

/// How far the connection has come.
enum State {
    Begun,
    Resolved(Vec<SocketAddr>),
    /// TCP, or TLS from the start: the greeting comes next.
    Connected(Dialogue),
    /// Not logged in.
    Greeted(Dialogue),
    /// STARTTLS is agreed: the handshake comes next.
    Upgrading(Dialogue),
    LoggedIn(Dialogue),
    /// LOGOUT is done. The connection is kept until that is told: to close it takes time that is not the server's.
    LoggedOut {
        _kept: Dialogue,
    },
    /// Nothing more can be done.
    Over,
}

/// What the phases need beside the plan: made once, used by every connection of a run.
struct Prepared {
    options: Arc<Options>,
    password: Secret,
    redactor: Arc<Redactor>,
    tls: Option<Connector>,
    /// Read in the run so far.
    bytes: Arc<AtomicUsize>,
}

/// Makes the worker of a run. It prepares at its first job, and keeps what it prepared for the further ones.
#[must_use]
pub fn worker(options: Arc<Options>) -> Worker {
    let prepared = OnceLock::new();
    Arc::new(move |job, tell| match prepared.get_or_init(|| prepare(&options, tell)) {
        Ok(prepared) if job.addresses.is_empty() => work(job, State::Begun, prepared, tell),
        Ok(prepared) => work(job, State::Resolved(job.addresses.clone()), prepared, tell),
        Err(why) => {
            tell(Event::Obstacle(why.clone()));
        }
    })
}

/// Does a job whose plan begins behind connect with a server out of memory, without TLS: for `fuzz/`.
#[cfg(fuzzing)]
pub fn play(job: &Job, socket: Socket, options: &Arc<Options>, password: &Secret, tell: &Tell) {
    let redactor = Arc::new(Redactor::new(&options.username, password));
    let prepared = Prepared {
        options: Arc::clone(options),
        password: password.clone(),
        redactor,
        tls: None,
        bytes: Arc::default(),
    };
    let log = Session { prepared: &prepared, tell }.log();
    let dialogue = Dialogue::new(Stream::new(socket, Arc::default()), Arc::clone(&prepared.redactor), log);
    work(job, State::Connected(dialogue), &prepared, tell);
}

/// Does a job in order, and tells each outcome as soon as it has it. Ends when nobody listens any more.
fn work(job: &Job, mut state: State, prepared: &Prepared, tell: &Tell) {
    let session = Session { prepared, tell };
    for (phase, planned) in job.plan.phases.iter().enumerate() {
        if phase == job.from {
            tell(Event::Ready(Instant::now()));
        }
        // What has been told already is not done again, but for what a connection needs.
        let told = phase < job.from;
        if told && (planned.operation == Operation::Resolve || planned.operation.mailbox().is_some()) {
            continue;
        }
        let (next, result) = session.perform(&planned.operation, state);
        state = next;
        match result {
            Err(Stop::Failed(failure)) if told => {
                tell(Event::NotAgain(format!("{} failed: {}", planned.operation.title(), failure.reason)));
                return;
            }
            _ if told => {}
            result => {
                if !tell(Event::Ended { at: Instant::now(), result }) {
                    return;
                }
            }
        }
    }
}

/// Reads the files and makes ready what the phases need.
fn prepare(options: &Arc<Options>, tell: &Tell) -> Result<Prepared, String> {
    let reading = |what: String| {
        tell(Event::Fact(Fact::Reading(what.clone())));
        what
    };
    let password = match &options.password {
        PasswordSource::Value(password) => password.clone(),
        PasswordSource::File(file) => {
            let what = reading(format!("--password-file: {}", shown(file)));
            password(file).map_err(|why| format!("{what}: {why}"))?
        }
        PasswordSource::Stdin => {
            let what = reading("--password-file: standard input".to_owned());
            standard_input().and_then(first_line).map_err(|why| format!("{what}: {why}"))?
        }
    };
    let has_tls = options.tls != TlsMode::None;
    let ca = match &options.ca_file {
        Some(file) if has_tls && options.verify => {
            let what = reading(format!("--ca-file: {}", shown(file)));
            Some(content(file).map_err(|why| format!("{what}: {why}"))?)
        }
        _ => None,
    };
    let tls = has_tls.then(|| Connector::new(options, ca.as_deref())).transpose()?;
    let redactor = Arc::new(Redactor::new(&options.username, &password));
    Ok(Prepared { options: Arc::clone(options), password, redactor, tls, bytes: Arc::default() })
}

/// One connection to the server.
struct Session<'a> {
    prepared: &'a Prepared,
    tell: &'a Tell,
}

impl Session<'_> {
    /// The transition table.
    fn perform(&self, operation: &Operation, state: State) -> (State, Result<Done, Stop>) {
        use State::{Begun, Connected, Greeted, LoggedIn, LoggedOut, Over, Resolved, Upgrading};
        match (operation, state) {
            (Operation::Resolve, Begun) => {
                match connect::resolve(
                    &self.prepared.options.host,
                    self.prepared.options.port(),
                    self.prepared.options.family,
                ) {
                    Ok(addresses) => {
                        self.tell(Fact::Addresses(addresses.clone()));
                        (Resolved(addresses), Ok(Done::default()))
                    }
                    Err(reason) => (Over, Err(Stop::Failed(connect::lost_or_ours(reason)))),
                }
            }
            (Operation::Connect, Resolved(addresses)) => match connect::connect(&addresses, &|fact| self.tell(fact)) {
                Ok(tcp) => (
                    Connected(Dialogue::new(
                        Stream::new(Socket::Plain(tcp), Arc::clone(&self.prepared.bytes)),
                        Arc::clone(&self.prepared.redactor),
                        self.log(),
                    )),
                    Ok(Done::default()),
                ),
                Err(failure) => {
                    // With --every-address the phase has the address in its title.
                    let ip = addresses.first().filter(|_| self.prepared.options.every_address);
                    let ip = ip.map(|address| format!("{} ", address.ip())).unwrap_or_default();
                    let reason = failure.reason.strip_prefix(&ip).unwrap_or(&failure.reason).to_owned();
                    (Over, Err(Stop::Failed(Failure { reason, ..failure })))
                }
            },
            (Operation::Tls, Connected(dialogue)) => self.encrypt(dialogue, Connected),
            (Operation::Tls, Upgrading(dialogue)) => self.encrypt(dialogue, Greeted),
            (Operation::Greeting, Connected(dialogue)) => step(dialogue, greeting, Greeted, Connected),
            (Operation::StartTls, Greeted(dialogue)) => step(dialogue, start_tls, Upgrading, Greeted),
            (Operation::Login, Greeted(dialogue)) => step(dialogue, |dialogue| self.login(dialogue), LoggedIn, Greeted),
            (Operation::Select(mailbox), LoggedIn(dialogue)) => {
                step(dialogue, |dialogue| self.select(dialogue, mailbox), LoggedIn, LoggedIn)
            }
            (Operation::Logout, Greeted(dialogue) | LoggedIn(dialogue)) => {
                let kept = |dialogue| LoggedOut { _kept: dialogue };
                step(dialogue, logout, kept, kept)
            }
            (_, state) => (state, Err(Stop::Impossible)),
        }
    }

    fn encrypt(&self, dialogue: Dialogue, encrypted: fn(Dialogue) -> State) -> (State, Result<Done, Stop>) {
        let Some(tls) = &self.prepared.tls else {
            return (State::Over, Err(Stop::Impossible));
        };
        match dialogue.encrypt(|tcp| tls.handshake(tcp, &|fact| self.tell(fact))) {
            Ok(dialogue) => (encrypted(dialogue), Ok(Done::default())),
            Err(failure) => (State::Over, Err(Stop::Failed(failure))),
        }
    }

    fn login(&self, dialogue: &mut Dialogue) -> Result<Done, Failure> {
        if dialogue.preauthenticated {
            return Ok(Done { note: Some("PREAUTH, no password asked for".to_owned()), ..Done::default() });
        }
        // What the server said meanwhile may forbid it.
        dialogue.take_early_lines()?;
        // In clear text a password goes only to a server that was asked whether it takes one.
        if self.prepared.options.tls == TlsMode::None && dialogue.capabilities.is_none() {
            dialogue.command(&[Word::Atom("CAPABILITY")])?;
        }
        if dialogue.capabilities.is_some_and(|can| can.login_disabled) {
            return Err(Failure::refused(
                "the server says LOGINDISABLED, no password was sent (is --tls starttls or implicit right?)",
            ));
        }
        dialogue.command(&[
            Word::Atom("LOGIN"),
            Word::Text(self.prepared.options.username.as_bytes()),
            Word::Secret(&self.prepared.password),
        ])?;
        Ok(Done::default())
    }

    fn select(&self, dialogue: &mut Dialogue, mailbox: &str) -> Result<Done, Failure> {
        let verb = if self.prepared.options.examine { "EXAMINE" } else { "SELECT" };
        dialogue.command(&[Word::Atom(verb), Word::Text(mailbox_name::encode(mailbox).as_bytes())])?;
        Ok(Done { messages: dialogue.exists, note: None })
    }

    fn tell(&self, fact: Fact) {
        // Nobody listens any more once a limit has ended the run.
        let _ = (self.tell)(Event::Fact(fact));
    }

    fn log(&self) -> Option<Log> {
        let tell = Arc::clone(self.tell);
        let mut left = MAX_DIALOGUE;
        (self.prepared.options.verbosity >= 3).then(|| -> Log {
            Box::new(move |line| {
                if left > 0 {
                    left -= 1;
                    let line = if left == 0 { "(more lines left out)".to_owned() } else { line() };
                    let _ = tell(Event::Fact(Fact::Dialogue(Instant::now(), line)));
                }
            })
        })
    }
}

/// One exchange, and the state that it leads to.
fn step(
    mut dialogue: Dialogue,
    exchange: impl FnOnce(&mut Dialogue) -> Result<Done, Failure>,
    done: fn(Dialogue) -> State,
    refused: fn(Dialogue) -> State,
) -> (State, Result<Done, Stop>) {
    dialogue.begin_phase();
    match exchange(&mut dialogue) {
        Ok(yielded) => (done(dialogue), Ok(yielded)),
        Err(failure) if failure.lost => (State::Over, Err(Stop::Failed(failure))),
        Err(failure) => (refused(dialogue), Err(Stop::Failed(failure))),
    }
}

fn greeting(dialogue: &mut Dialogue) -> Result<Done, Failure> {
    dialogue.greeting()?;
    Ok(Done::default())
}

/// Whatever is wrong here ends the connection: no password may leave (RFC 9051 section 11.1).
fn start_tls(dialogue: &mut Dialogue) -> Result<Done, Failure> {
    if dialogue.preauthenticated {
        return Err(Failure::lost("PREAUTH before STARTTLS, an attack or a wrong configuration"));
    }
    if dialogue.capabilities.is_some_and(|can| !can.starttls) {
        return Err(Failure::lost("the server does not offer STARTTLS"));
    }
    dialogue.command(&[Word::Atom("STARTTLS")]).map_err(|failure| Failure { lost: true, ..failure })?;
    if dialogue.has_unread() {
        return Err(Failure::lost("plain text came behind the reply to STARTTLS, an attack or a broken server"));
    }
    Ok(Done::default())
}

fn logout(dialogue: &mut Dialogue) -> Result<Done, Failure> {
    dialogue.logout()?;
    Ok(Done::default())
}

fn content(file: &Path) -> Result<Vec<u8>, String> {
    // Most CA files are read at once.
    let mut content = Vec::with_capacity(16 * 1024);
    let read = File::open(file).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content));
    match read.map_err(|error| io_reason(&error))? {
        bytes if u64::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_FILE_BYTES) => Ok(content),
        _ => Err(format!("it has more than {} MiB", MAX_FILE_BYTES >> 20)),
    }
}

fn password(file: &Path) -> Result<Secret, String> {
    first_line(File::open(file).map_err(|error| io_reason(&error))?)
}

/// Unbuffered, so that no copy of the password stays in a buffer that nobody wipes.
fn standard_input() -> Result<File, String> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(|error| io_reason(&error))
}

fn first_line(mut file: File) -> Result<Secret, String> {
    const MAX_PASSWORD: usize = 4096;
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD));
    let mut byte = [0];
    while file.read(&mut byte).map_err(|error| io_reason(&error))? == 1 && byte != *b"\n" {
        if line.len() == MAX_PASSWORD {
            return Err(format!("its first line has more than {MAX_PASSWORD} bytes"));
        }
        line.extend_from_slice(&byte);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let password = Secret::new(std::mem::take(&mut line));
    password.check().map(|()| password).map_err(|why| format!("its first line is no password: {why}"))
}

fn shown(file: &Path) -> String {
    text::clean(file.as_os_str().as_encoded_bytes())
}
