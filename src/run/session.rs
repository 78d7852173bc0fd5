//! One connection: the table (phase, state of the connection) -> state. Ordinary blocking calls, no limits: those are the
//! supervisor's.

mod login;
mod steps;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::event::{Event, Reporter, Stop};
use super::prepared::Prepared;
use super::token::{explain_refused_login, fetch_token};
use super::worker::Job;
use crate::facts::Fact;
use crate::failure::{Failure, Reason};
use crate::imap::dialogue::{Dialogue, Log, OnRemark};
use crate::imap::last_words::LastWords;
use crate::imap::stream::{Socket, Stream};
use crate::net::connect::connect;
use crate::net::resolve::resolve;
use crate::net::source::keep_reachable;
use crate::operation::{CERT_DAYS, Part, Perform, Step, Task, Yield, describe_expiring_ca, seconds_of};
use crate::plan::Phase;
use login::log_in;
use steps::{log_out, start_tls};

/// Lines of dialogue of a run that are kept: a flood must not fill the memory.
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
    /// LOGOUT is done. The connection is kept until that is reported: to close it takes time that is not the server's.
    LoggedOut {
        _kept: Dialogue,
    },
    /// Nothing more can be done.
    Over,
}

/// One connection to the server.
pub(super) struct Session<'a> {
    prepared: &'a Prepared,
    report: &'a Reporter,
    /// Where the supervisor finds the server's last line.
    last_words: Arc<LastWords>,
    state: State,
    /// The phase that opened the mailbox which is open.
    opener: Option<usize>,
    /// Whether a task was performed since the login.
    has_worked: bool,
}

impl<'a> Session<'a> {
    /// Not connected yet. Without addresses the name must be resolved first.
    pub fn new(prepared: &'a Prepared, report: &'a Reporter, job: &Job) -> Self {
        let addresses = &job.addresses;
        let state = if addresses.is_empty() { State::Begun } else { State::Resolved(addresses.clone()) };
        Self { prepared, report, last_words: Arc::clone(&job.last_words), state, opener: None, has_worked: false }
    }

    /// Connected already: for `fuzz/`.
    #[cfg(fuzzing)]
    pub fn connected(prepared: &'a Prepared, report: &'a Reporter, job: &Job, socket: Socket) -> Self {
        let mut session = Self::new(prepared, report, job);
        session.state = State::Connected(session.make_dialogue(socket));
        session
    }

    /// Whether the result of this phase is known already: the token, or the addresses.
    pub fn is_known(&self, phase: &Phase) -> bool {
        phase.operation.is_step(Step::Token) && self.prepared.token.get().is_some()
            || phase.operation.is_step(Step::Resolve) && matches!(self.state, State::Resolved(_))
    }

    /// Performs the phase with this place in the plan. Its figures and notes go into `yielded`, also if it fails.
    pub fn perform(&mut self, number: usize, phase: &Phase, yielded: &mut Yield) -> Result<(), Stop> {
        let state = std::mem::replace(&mut self.state, State::Over);
        let (state, result) = match phase.operation.part {
            Part::SetUp { step, .. } => self.set_up(step, state, yielded),
            Part::Task { .. } if phase.opener.is_some_and(|before| self.opener != number.checked_sub(before)) => {
                (state, Err(Stop::Impossible))
            }
            Part::Task { perform, opens, .. } => {
                let (state, result) = self.perform_task(perform, phase, state, yielded);
                self.has_worked = true;
                if opens.is_some() {
                    self.opener = result.is_ok().then_some(number);
                }
                (state, result)
            }
            Part::End => self.end(state),
        };
        self.state = state;
        result
    }

    fn set_up(&self, step: Step, state: State, yielded: &mut Yield) -> (State, Result<(), Stop>) {
        use State::{Begun, Connected, Greeted, LoggedIn, Over, Resolved, Upgrading};
        let server = &self.prepared.settings.server;
        match (step, state) {
            (Step::Token, Begun) => match fetch_token(self.prepared, self.make_log().as_ref(), yielded) {
                Ok(()) => (Begun, Ok(())),
                refused => (Over, refused),
            },
            (Step::Resolve, Begun) => match resolve(&server.host, server.port, server.family)
                .and_then(|addresses| keep_reachable(addresses, server.source))
            {
                Ok(addresses) => {
                    self.report(Fact::Addresses(addresses.clone()));
                    (Resolved(addresses), Ok(()))
                }
                Err(failure) => (Over, Err(Stop::Failed(failure))),
            },
            (Step::Connect, Resolved(addresses)) => {
                match connect(&addresses, server.source, server.proxy_protocol, &|fact| self.report(fact)) {
                    Ok(tcp) => (Connected(self.make_dialogue(Socket::Plain(tcp))), Ok(())),
                    Err(failure) => (Over, Err(Stop::Failed(self.strip_address(failure, &addresses)))),
                }
            }
            (Step::Tls, Connected(dialogue)) => self.encrypt(dialogue, Connected, yielded),
            (Step::Tls, Upgrading(dialogue)) => self.encrypt(dialogue, Greeted, yielded),
            (Step::Greeting, Connected(dialogue)) => exchange(dialogue, Dialogue::read_greeting, Greeted, Connected),
            (Step::StartTls, Greeted(dialogue)) => exchange(dialogue, start_tls, Upgrading, Greeted),
            (Step::Login, Greeted(dialogue)) => {
                let explain = |failure| explain_refused_login(self.prepared, failure);
                exchange(dialogue, |dialogue| log_in(dialogue, self.prepared).map_err(explain), LoggedIn, Greeted)
            }
            (_, state) => (state, Err(Stop::Impossible)),
        }
    }

    fn perform_task(
        &self,
        perform: Perform,
        phase: &Phase,
        state: State,
        yielded: &mut Yield,
    ) -> (State, Result<(), Stop>) {
        let State::LoggedIn(mut dialogue) = state else { return (state, Err(Stop::Impossible)) };
        dialogue.begin_phase();
        if let Err(failure) = dialogue.take_arrived() {
            return (State::Over, Err(self.explain_not_sent(&failure)));
        }
        let settings = &self.prepared.settings;
        let task = Task {
            target: phase.target.as_deref().unwrap_or_default(),
            read_only: settings.read_only,
            host: &settings.server.host,
            appended: &self.prepared.appended,
        };
        let mut perform = |dialogue: &mut Dialogue| {
            *yielded = perform(dialogue, &task)?;
            Ok(())
        };
        finish(perform(&mut dialogue), dialogue, State::LoggedIn, State::LoggedIn)
    }

    fn end(&self, state: State) -> (State, Result<(), Stop>) {
        let (State::Greeted(dialogue) | State::LoggedIn(dialogue)) = state else {
            return (state, Err(Stop::Impossible));
        };
        let kept = |dialogue| State::LoggedOut { _kept: dialogue };
        let log_out = |dialogue: &mut Dialogue| {
            let advise = |advice| {
                let _ = (self.report)(Event::Advice(advice));
            };
            log_out(dialogue, self.prepared.settings.mechanism, advise)
        };
        exchange(dialogue, log_out, kept, kept)
    }

    /// The connection was lost before a task was sent. Behind a login there is no other task that could have cost it.
    fn explain_not_sent(&self, failure: &Failure) -> Stop {
        let reason = failure.reason();
        if self.has_worked {
            Stop::NotSent(reason.clone())
        } else {
            Stop::Failed(Failure::lost(format!("closed behind login: {reason}")))
        }
    }

    fn encrypt(
        &self,
        dialogue: Dialogue,
        encrypted: fn(Dialogue) -> State,
        yielded: &mut Yield,
    ) -> (State, Result<(), Stop>) {
        let Some(tls) = &self.prepared.tls else { return (State::Over, Err(Stop::Impossible)) };
        let found = RefCell::new(Yield::default());
        let report = |fact| {
            if let Fact::Certificates(own, ca) = &fact {
                let expiry = seconds_of(ca.as_ref().unwrap_or(own).not_after);
                let notes = ca.iter().map(describe_expiring_ca).collect();
                found.replace(Yield { notes, ..Yield::default() }.with(&CERT_DAYS, Some(expiry)));
            }
            self.report(fact);
        };
        let result = dialogue.encrypt(|tcp| tls.handshake(tcp, &report));
        *yielded = found.into_inner();
        match result {
            Ok(dialogue) => (encrypted(dialogue), Ok(())),
            Err(failure) => (State::Over, Err(Stop::Failed(failure))),
        }
    }

    /// With `--every-address` the phase has the address in its title.
    fn strip_address(&self, mut failure: Failure, addresses: &[SocketAddr]) -> Failure {
        if let (true, [only]) = (self.prepared.settings.every_address, addresses)
            && let Failure::Lost(Reason { what, .. }) | Failure::Local(Reason { what, .. }) = &mut failure
            && let Some(rest) = what.strip_prefix(&format!("{} ", only.ip()))
        {
            *what = rest.to_owned();
        }
        failure
    }

    fn make_dialogue(&self, socket: Socket) -> Dialogue {
        self.report(Fact::Received(Arc::clone(&self.prepared.bytes)));
        let stream = Stream::new(socket, Arc::clone(&self.prepared.bytes));
        Dialogue::new(
            stream,
            Arc::clone(self.prepared.redactor()),
            self.make_log(),
            Arc::clone(&self.last_words),
            self.make_on_remark(),
        )
    }

    fn make_on_remark(&self) -> OnRemark {
        let report = Arc::clone(self.report);
        Box::new(move |remark| {
            let _ = report(Event::Remark(remark));
        })
    }

    fn make_log(&self) -> Option<Log> {
        let report = Arc::clone(self.report);
        let lines = Arc::clone(&self.prepared.dialogue_lines);
        self.prepared.settings.log_dialogue.then(|| -> Log {
            Box::new(move |line| {
                let number = lines.fetch_add(1, Ordering::Relaxed);
                if number <= MAX_DIALOGUE {
                    let line = if number == MAX_DIALOGUE { "(more lines left out)".to_owned() } else { line() };
                    let _ = report(Event::Fact(Fact::Dialogue(Instant::now(), line)));
                }
            })
        })
    }

    fn report(&self, fact: Fact) {
        // The supervisor is gone once a limit has ended the run.
        let _ = (self.report)(Event::Fact(fact));
    }
}

/// One exchange, and the state that it leads to.
fn exchange(
    mut dialogue: Dialogue,
    exchange: impl FnOnce(&mut Dialogue) -> Result<(), Failure>,
    done: fn(Dialogue) -> State,
    refused: fn(Dialogue) -> State,
) -> (State, Result<(), Stop>) {
    dialogue.begin_phase();
    finish(exchange(&mut dialogue), dialogue, done, refused)
}

fn finish(
    result: Result<(), Failure>,
    dialogue: Dialogue,
    done: fn(Dialogue) -> State,
    refused: fn(Dialogue) -> State,
) -> (State, Result<(), Stop>) {
    match result {
        Ok(()) => (done(dialogue), Ok(())),
        Err(failure) if failure.is_lost() => (State::Over, Err(Stop::Failed(failure))),
        Err(failure) => (refused(dialogue), Err(Stop::Failed(failure))),
    }
}
