//! Does phases of a plan in a thread of its own, with plain blocking calls. It knows no limits: those are the supervisor's.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use super::event::{Event, Reporter, Stop};
use super::session::Session;
use crate::credentials::redactor::Redactor;
use crate::credentials::secret::Secret;
use crate::credentials::source::{PasswordSource, show_path};
use crate::facts::Fact;
use crate::net::tls::Connector;
use crate::net::{self, TlsMode};
use crate::operation::{Appended, Yield};
use crate::plan::Plan;
use crate::text::describe_io_error;

/// Bytes; no CA file is larger.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Does a job in the thread that it is called in, and reports what comes of it.
pub type Worker = Arc<dyn Fn(&Job, &Reporter) + Send + Sync>;

/// Sees each event of a run before the supervisor does.
pub type Observer = Arc<dyn Fn(&Job, &Event) + Send + Sync>;

/// What one worker does of a plan.
#[derive(Clone, Debug)]
pub struct Job {
    /// All phases.
    pub plan: Arc<Plan>,
    /// The first phase to be done and reported. Of those before it, the set-up of a fresh connection is done, but not
    /// reported.
    pub from: usize,
    /// A task before that one whose mailbox must be open: done again, but not reported.
    pub reopen: Option<usize>,
    /// Where to connect to, if that is known.
    pub addresses: Vec<SocketAddr>,
}

/// What the phases need beside the plan.
#[derive(Clone)]
pub struct Settings {
    /// How to reach the server.
    pub server: net::Settings,
    /// Account name.
    pub username: String,
    /// Where the password comes from.
    pub password: PasswordSource,
    /// Mailboxes are opened by EXAMINE, never by SELECT.
    pub read_only: bool,
    /// Report each line of the dialogue.
    pub log_dialogue: bool,
    /// The plan is done against each address of the name.
    pub every_address: bool,
}

/// What is made of the settings once and used by every connection of a run.
pub(super) struct Prepared {
    pub settings: Arc<Settings>,
    pub password: Secret,
    pub redactor: Arc<Redactor>,
    pub tls: Option<Connector>,
    /// Bytes that were read in the run so far.
    pub bytes: Arc<AtomicUsize>,
    /// Messages that the run has put into mailboxes.
    pub appended: Mutex<Vec<Appended>>,
}

/// Makes the worker of a run. At its first job it reads the files; all later jobs use what it read.
#[must_use]
pub fn make_worker(settings: Arc<Settings>) -> Worker {
    let prepared = OnceLock::new();
    Arc::new(move |job, report| match prepared.get_or_init(|| prepare(&settings, report)) {
        Ok(prepared) => work(job, Session::new(prepared, report, &job.addresses), report),
        Err(why) => {
            report(Event::CannotBegin(why.clone()));
        }
    })
}

/// The same worker, whose events the observer sees, too.
#[must_use]
pub fn observe(worker: Worker, observer: Observer) -> Worker {
    Arc::new(move |job, report| {
        let (observe, own_job, report) = (Arc::clone(&observer), job.clone(), Arc::clone(report));
        let both: Reporter = Arc::new(move |event| {
            observe(&own_job, &event);
            report(event)
        });
        worker(job, &both);
    })
}

/// Does a job, whose plan begins behind connect, with a server in memory and without TLS: for `fuzz/`.
#[cfg(fuzzing)]
pub fn play(
    job: &Job,
    socket: crate::imap::stream::Socket,
    settings: &Arc<Settings>,
    password: &Secret,
    report: &Reporter,
) {
    let redactor = Arc::new(Redactor::new(&settings.username, password));
    let prepared = Prepared {
        settings: Arc::clone(settings),
        password: password.clone(),
        redactor,
        tls: None,
        bytes: Arc::default(),
        appended: Mutex::default(),
    };
    work(job, Session::connected(&prepared, report, socket), report);
}

/// Does a job in order, and reports each outcome as soon as it is there. Ends once the supervisor is gone.
fn work(job: &Job, mut session: Session<'_>, report: &Reporter) {
    for (number, phase) in job.plan.phases.iter().enumerate() {
        if number == job.from {
            report(Event::Ready { phase: number, at: Instant::now() });
        }
        // What has been reported already is not done again, but for what a connection needs.
        let is_reported = number < job.from;
        let is_done = phase.operation.is_task() && job.reopen != Some(number);
        if is_reported && (is_done || session.is_resolved(phase)) {
            continue;
        }
        let mut yielded = Yield::default();
        let result = session.perform(number, phase, &mut yielded);
        if is_reported {
            if let Err(Stop::Failed(failure)) = result {
                report(Event::CannotReconnect(format!("{} failed: {}", phase.title(), failure.reason())));
                return;
            }
            continue;
        }
        let is_lost = matches!(&result, Err(Stop::Failed(failure)) if failure.is_lost());
        let is_heard = report(Event::Ended { phase: number, at: Instant::now(), result, yielded });
        if is_lost || !is_heard {
            return;
        }
    }
}

/// Reads the files and makes ready what the phases need.
fn prepare(settings: &Arc<Settings>, report: &Reporter) -> Result<Prepared, String> {
    let report_reading = |what: String| {
        report(Event::Fact(Fact::Reading(what)));
    };
    let password = settings.password.read(&report_reading)?;
    let has_tls = settings.server.tls_mode != TlsMode::None;
    let ca = match &settings.server.ca_file {
        Some(file) if has_tls && settings.server.verify => {
            let what = format!("--ca-file: {}", show_path(file));
            report_reading(what.clone());
            Some(read_file(file).map_err(|why| format!("{what}: {why}"))?)
        }
        _ => None,
    };
    let tls = has_tls.then(|| Connector::new(&settings.server, ca.as_deref())).transpose()?;
    let redactor = Arc::new(Redactor::new(&settings.username, &password));
    Ok(Prepared {
        settings: Arc::clone(settings),
        password,
        redactor,
        tls,
        bytes: Arc::default(),
        appended: Mutex::default(),
    })
}

fn read_file(file: &Path) -> Result<Vec<u8>, String> {
    // Most CA files are read at once.
    let mut content = Vec::with_capacity(16 * 1024);
    let read = File::open(file).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content));
    match read.map_err(|error| describe_io_error(&error))? {
        bytes if u64::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_FILE_BYTES) => Ok(content),
        _ => Err(format!("it has more than {} MiB", MAX_FILE_BYTES >> 20)),
    }
}
