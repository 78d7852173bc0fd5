//! What each phase does on the wire: the table (operation, state) -> state. Ordinary blocking calls, no limits:
//! those are the supervisor's.

use crate::connect;
use crate::dialogue::{Dialogue, Log, Word};
use crate::event::{Done, Event, Fact, Failure, Stop};
use crate::mailbox;
use crate::options::{Options, PasswordSource, TlsMode};
use crate::plan::{Operation, Plan};
use crate::secret::{Redactor, Secret};
use crate::stream::{Socket, Stream};
use crate::text;
use crate::tls::{Connector, Setup};
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

/// More than any password or CA file has.
const MAX_FILE_BYTES: u64 = 4 << 20;

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
    /// Nothing more can be done.
    Over,
}

/// One connection to the server.
struct Session<'a> {
    options: &'a Options,
    password: Secret,
    redactor: Arc<Redactor>,
    tls: Option<Connector>,
    events: &'a Sender<Event>,
}

/// The worker: prepares, then does the phases in order, and tells each outcome as soon as it has it. Ends when
/// nobody listens any more.
pub fn work(plan: &Plan, options: &Options, tls: Option<Setup>, events: &Sender<Event>) {
    let session = match Session::prepare(options, tls, events) {
        Ok(session) => session,
        Err(why) => {
            let _ = events.send(Event::Obstacle(why));
            return;
        }
    };
    session.tell(Event::Ready(Instant::now()));
    let mut state = State::Begun;
    for (phase, planned) in plan.phases.iter().enumerate() {
        let (next, result) = session.perform(&planned.operation, state);
        state = next;
        if events.send(Event::Ended { phase, at: Instant::now(), result }).is_err() {
            return;
        }
    }
}

impl<'a> Session<'a> {
    /// Reads the files and makes ready what the phases need.
    fn prepare(options: &'a Options, tls: Option<Setup>, events: &'a Sender<Event>) -> Result<Self, String> {
        let password = match &options.password {
            PasswordSource::Value(password) => password.clone(),
            PasswordSource::File(file) => {
                password(file).map_err(|why| format!("--password-file: {}: {why}", shown(file)))?
            }
            PasswordSource::Stdin => standard_input()
                .and_then(first_line)
                .map_err(|why| format!("--password-file: standard input: {why}"))?,
        };
        let ca = match &options.ca_file {
            Some(file) if tls.is_some() && options.verify => Some(content(file)?),
            _ => None,
        };
        let tls = tls.map(|tls| tls.trust(options, ca.as_deref())).transpose()?;
        if let Some(tls) = &tls {
            let _ = events.send(Event::Fact(Fact::Trust(tls.trust.clone())));
        }
        let redactor = Arc::new(Redactor::new(&options.username, &password));
        Ok(Self { options, password, redactor, tls, events })
    }

    /// The transition table.
    fn perform(&self, operation: &Operation, state: State) -> (State, Result<Done, Stop>) {
        use State::{Begun, Connected, Greeted, LoggedIn, Over, Resolved, Upgrading};
        match (operation, state) {
            (Operation::Resolve, Begun) => {
                match connect::resolve(&self.options.host, self.options.port(), self.options.family) {
                    Ok(addresses) => {
                        self.tell(Event::Fact(Fact::Addresses(addresses.clone())));
                        (Resolved(addresses), Ok(Done::default()))
                    }
                    Err(reason) => (Over, Err(Stop::Failed(Failure::lost(reason)))),
                }
            }
            (Operation::Connect, Resolved(addresses)) => {
                match connect::connect(&addresses, &|event| self.tell(event)) {
                    Ok(tcp) => (
                        Connected(Dialogue::new(
                            Stream::new(Socket::Plain(tcp)),
                            Arc::clone(&self.redactor),
                            self.log(),
                        )),
                        Ok(Done::default()),
                    ),
                    Err(reason) => (Over, Err(Stop::Failed(Failure::lost(reason)))),
                }
            }
            (Operation::Tls, Connected(dialogue)) => self.encrypt(dialogue, Connected),
            (Operation::Tls, Upgrading(dialogue)) => self.encrypt(dialogue, Greeted),
            (Operation::Greeting, Connected(dialogue)) => step(dialogue, greeting, Greeted, Connected),
            (Operation::StartTls, Greeted(dialogue)) => step(dialogue, start_tls, Upgrading, Greeted),
            (Operation::Login, Greeted(dialogue)) => step(dialogue, |dialogue| self.login(dialogue), LoggedIn, Greeted),
            (Operation::Select(mailbox), LoggedIn(dialogue)) => {
                step(dialogue, |dialogue| self.select(dialogue, mailbox), LoggedIn, LoggedIn)
            }
            (Operation::Logout, Greeted(dialogue) | LoggedIn(dialogue)) => step(dialogue, logout, |_| Over, |_| Over),
            (_, state) => (state, Err(Stop::Impossible)),
        }
    }

    fn encrypt(&self, dialogue: Dialogue, encrypted: fn(Dialogue) -> State) -> (State, Result<Done, Stop>) {
        let Some(tls) = &self.tls else {
            return (State::Connected(dialogue), Err(Stop::Impossible));
        };
        match dialogue.encrypt(|tcp| tls.handshake(tcp, &|event| self.tell(event))) {
            Ok(dialogue) => (encrypted(dialogue), Ok(Done::default())),
            Err(failure) => (State::Over, Err(Stop::Failed(failure))),
        }
    }

    fn login(&self, dialogue: &mut Dialogue) -> Result<Done, Failure> {
        if dialogue.preauthenticated {
            return Ok(Done { note: Some("PREAUTH, no password asked for".to_owned()), ..Done::default() });
        }
        // In clear text a password goes only to a server that was asked whether it takes one.
        if self.options.tls == TlsMode::None && dialogue.capabilities.is_none() {
            dialogue.command(&[Word::Atom("CAPABILITY")])?;
        }
        if dialogue.capabilities.is_some_and(|can| can.login_disabled) {
            return Err(Failure::refused(
                "the server says LOGINDISABLED, no password was sent (is --tls starttls or implicit right?)",
            ));
        }
        dialogue.command(&[
            Word::Atom("LOGIN"),
            Word::Text(self.options.username.as_bytes()),
            Word::Secret(&self.password),
        ])?;
        Ok(Done::default())
    }

    fn select(&self, dialogue: &mut Dialogue, mailbox: &str) -> Result<Done, Failure> {
        let verb = if self.options.examine { "EXAMINE" } else { "SELECT" };
        dialogue.command(&[Word::Atom(verb), Word::Text(mailbox::encode(mailbox).as_bytes())])?;
        Ok(Done { messages: dialogue.exists, note: None })
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more once a limit has ended the run.
        let _ = self.events.send(event);
    }

    fn log(&self) -> Option<Log> {
        let events = self.events.clone();
        (self.options.verbosity >= 3).then(|| -> Log {
            Box::new(move |line| {
                let _ = events.send(Event::Fact(Fact::Dialogue(Instant::now(), line)));
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
    let mut content = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut content));
    read.map(|_| content).map_err(|error| format!("--ca-file: {}: {error}", shown(file)))
}

fn password(file: &Path) -> Result<Secret, String> {
    first_line(File::open(file).map_err(|error| error.to_string())?)
}

/// Unbuffered, so that no copy of the password stays in a buffer that nobody wipes.
fn standard_input() -> Result<File, String> {
    std::io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(|error| error.to_string())
}

fn first_line(mut file: File) -> Result<Secret, String> {
    const MAX_PASSWORD: usize = 4096;
    let mut line = Vec::with_capacity(MAX_PASSWORD);
    let mut byte = [0];
    while line.len() < MAX_PASSWORD && file.read(&mut byte).map_err(|error| error.to_string())? == 1 && byte != *b"\n" {
        line.extend_from_slice(&byte);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let password = Secret::new(line);
    password.check().map(|()| password).map_err(|why| format!("its first line is no password: {why}"))
}

fn shown(file: &Path) -> String {
    text::clean(file.as_os_str().as_encoded_bytes())
}
