//! Things that every connection of a run needs beside the plan, made once of the settings and of files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock};

use zeroize::Zeroizing;

use super::event::{Event, Reporter};
use crate::credentials::command::CommandGroup;
use crate::credentials::redactor::Redactor;
use crate::credentials::secret::Secret;
use crate::credentials::source::{PASSWORD_VARIABLE, PasswordSource, show_path};
use crate::facts::Fact;
use crate::imap::auth::Mechanism;
use crate::net::tls::{Connector, PemFiles};
use crate::net::{self, TlsMode};
use crate::oauth::{self, Fetcher, Token};
use crate::operation::Appended;
use crate::text::describe_io_error;

/// Bytes: several times the CA file of any system. Each takes four in memory.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The settings that the phases need beside the plan.
#[derive(Clone)]
pub struct Settings {
    /// How to reach the server.
    pub server: net::Settings,
    /// How to log in.
    pub mechanism: &'static Mechanism,
    /// Account name. Empty if the mechanism needs none.
    pub username: String,
    /// The user to act as, if it is another one.
    pub authzid: Option<String>,
    /// The source of the password.
    pub password: PasswordSource,
    /// The command that prints the password runs in it. It is ended with the run.
    pub command_group: Arc<CommandGroup>,
    /// How a token is fetched in the place of a password, if one is.
    pub oauth: Option<oauth::Settings>,
    /// Mailboxes are opened by EXAMINE, never by SELECT.
    pub read_only: bool,
    /// Report each line of the dialogue.
    pub log_dialogue: bool,
    /// The plan is done against each address of the name.
    pub every_address: bool,
}

/// Secret, TLS context and the like: made once of the settings, used by every connection of a run.
pub(super) struct Prepared {
    pub settings: Arc<Settings>,
    /// The password or the access token, as the mechanism wants it. Empty if a token is fetched.
    given: Secret,
    redactor: Arc<Redactor>,
    /// Fetches a token, if one is needed.
    pub fetcher: Option<Fetcher>,
    /// The token, once it is there: for all connections of the run.
    pub token: OnceLock<Token>,
    pub tls: Option<Connector>,
    /// Bytes that were read in the run so far.
    pub bytes: Arc<AtomicUsize>,
    /// Lines of dialogue that were reported in the run so far.
    pub dialogue_lines: Arc<AtomicUsize>,
    /// Messages that the run has put into mailboxes.
    pub appended: Mutex<Vec<Appended>>,
}

impl Prepared {
    /// Everything that is made ready, for a run that begins.
    ///
    /// # Errors
    /// The mechanism cannot use this secret.
    pub fn new(settings: Arc<Settings>, given: &Secret, tls: Option<Connector>) -> Result<Self, String> {
        let secret = match settings.oauth {
            None => {
                let source = settings.password.option().unwrap_or(PASSWORD_VARIABLE);
                settings.mechanism.wants.prepare(given).map_err(|why| format!("{source}: {why}"))?
            }
            Some(_) => given.clone(),
        };
        let mut redactor = Redactor::new(&settings.username, given);
        if secret.expose() != given.expose() {
            redactor.add(&settings.username, &secret);
        }
        Ok(Self {
            settings,
            given: secret,
            redactor: Arc::new(redactor),
            fetcher: None,
            token: OnceLock::new(),
            tls,
            bytes: Arc::default(),
            dialogue_lines: Arc::default(),
            appended: Mutex::default(),
        })
    }

    /// The password or the access token that the login sends.
    pub fn secret(&self) -> &Secret {
        self.token.get().map_or(&self.given, |token| &token.secret)
    }

    /// Masks it.
    pub fn redactor(&self) -> &Arc<Redactor> {
        self.token.get().map_or(&self.redactor, |token| &token.redactor)
    }
}

/// Reads the files and makes ready what the phases need.
pub(super) fn prepare(settings: &Arc<Settings>, report: &Reporter) -> Result<Prepared, String> {
    let report_reading = |what: String| {
        report(Event::Fact(Fact::Reading(what)));
    };
    let password = match &settings.oauth {
        None => settings.password.read(&settings.command_group, &report_reading)?,
        Some(_) => Secret::new(Vec::new()),
    };
    let server = &settings.server;
    let read = |option, file: Option<&PathBuf>| {
        let Some(file) = file else { return Ok(None) };
        let what = format!("{option}: {}", show_path(file));
        report_reading(what.clone());
        read_file(file).map(Some).map_err(|why| format!("{what}: {why}"))
    };
    let has_tls = server.tls_mode != TlsMode::None;
    let is_needed = has_tls && server.verify;
    // A token endpoint is always verified.
    let is_needed_for_token = settings.oauth.as_ref().is_some_and(|oauth| oauth.url.is_encrypted);
    let ca_file = server.ca_file.as_ref().filter(|_| is_needed || is_needed_for_token);
    let ca = read("--ca-file", ca_file)?;
    // A key is in one of them. They are wiped.
    let certificates = read("--client-cert", server.client_cert.as_ref())?.map(Zeroizing::new);
    let key = read("--client-key", server.client_key.as_ref())?.map(Zeroizing::new);
    let key = key.as_ref().map(|key| key.as_slice());
    let identity = certificates.as_ref().map(|certificates| PemFiles { certificates, key });
    let pem = ca.as_deref().filter(|_| is_needed);
    let tls = has_tls.then(|| Connector::new(server, pem, identity.as_ref())).transpose()?;
    let oauth = settings.oauth.as_ref();
    let ca = ca_file.map(|file| show_path(file)).zip(ca);
    let fetcher = oauth.map(|oauth| Fetcher::read(oauth, ca, &report_reading)).transpose()?;
    Ok(Prepared { fetcher, ..Prepared::new(Arc::clone(settings), &password, tls)? })
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
