//! Fetches an access token from a token endpoint (OAuth 2.0, RFC 6749), or takes it from a cache. Nothing here knows the
//! command line or the phases of a run.

pub mod answer;
pub mod assertion;
pub mod cache;
mod credentials;
pub mod form;
pub mod http;
pub mod proxy;
pub mod url;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::credentials::redactor::Redactor;
use crate::credentials::secret::Secret;
use crate::failure::Failure;
use answer::{Denied, Granted, read_answer};
use cache::{Cache, Kept, Owner};
use credentials::Credentials;
use form::{Form, list_encodings};
use http::{Endpoint, Watch, post};
use url::Url;

/// How a token is fetched, and for whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The token endpoint.
    pub url: Url,
    /// The right to a token.
    pub grant: Grant,
    /// What the token is to allow.
    pub scope: Option<String>,
    /// The account that logs in with it.
    pub user: String,
    /// The file that keeps it.
    pub cache: Option<PathBuf>,
    /// Files that the run reads beside those of the grant. The cache replaces none of them.
    pub needed: Vec<PathBuf>,
}

/// The right to a token, with the files that prove it.
#[derive(Clone, Debug)]
pub enum Grant {
    /// A client that acts for itself (RFC 6749 section 4.4).
    ClientCredentials {
        /// Its name.
        id: String,
        /// Its secret.
        secret: PathBuf,
    },
    /// A refresh token that a person has got once (RFC 6749 section 6).
    RefreshToken {
        /// The name of the client.
        id: String,
        /// Its secret, if it has one.
        secret: Option<PathBuf>,
        /// The refresh token.
        token: PathBuf,
    },
    /// A service account that acts for the user (RFC 7523 section 2.1): its JSON key.
    ServiceAccount(PathBuf),
}

/// Settings and secrets: all that is needed to fetch a token.
pub struct Fetcher {
    settings: Settings,
    credentials: Credentials,
    cache: Option<Cache>,
    /// The name of `--ca-file` and its content.
    ca: Option<(String, Vec<u8>)>,
    redactor: Redactor,
}

/// A token to log in with.
pub struct Token {
    /// For the login alone.
    pub secret: Secret,
    /// Masks the token, and all that it was fetched with.
    pub redactor: Arc<Redactor>,
    /// It was in the cache, so that the server may have withdrawn it meanwhile.
    pub is_cached: bool,
}

impl Settings {
    /// The files of the grant.
    #[must_use]
    pub fn list_files(&self) -> Vec<PathBuf> {
        let files = match &self.grant {
            Grant::ClientCredentials { secret, .. } => vec![secret],
            Grant::RefreshToken { secret, token, .. } => secret.iter().chain([token]).collect(),
            Grant::ServiceAccount(file) => vec![file],
        };
        files.into_iter().cloned().collect()
    }
}

impl Fetcher {
    /// Reads the files of the grant. Before a file is opened, `report_reading` gets its name: it may hang. `ca` is the name
    /// and the content of `--ca-file`.
    ///
    /// # Errors
    /// The option, the file and what is wrong with it.
    pub fn read(
        settings: &Settings,
        ca: Option<(String, Vec<u8>)>,
        report_reading: &dyn Fn(String),
    ) -> Result<Self, String> {
        let credentials = Credentials::read(&settings.grant, report_reading)?;
        let client = credentials.client().to_owned();
        let owner = Owner {
            url: settings.url.text.clone(),
            client,
            scope: settings.scope.clone(),
            user: settings.user.clone(),
        };
        let needed = [settings.list_files(), settings.needed.clone()].concat();
        let cache = settings.cache.clone().map(|file| Cache { file, owner, needed });
        let redactor = credentials.list_secrets().into_iter().fold(Redactor::default(), mask);
        Ok(Self { settings: settings.clone(), credentials, cache, ca, redactor })
    }

    /// Takes the token from the cache, or fetches one and keeps it there. Notes for the user go into `notes`, also if it
    /// fails.
    ///
    /// # Errors
    /// There is no connection to the token endpoint, or it grants no token.
    pub fn fetch(&self, watch: &Watch<'_>, notes: &mut Vec<String>) -> Result<Token, Failure> {
        let Some(cache) = &self.cache else {
            let granted = self.request(&mut None, watch)?;
            if granted.refresh_token.is_some() {
                notes.push("the server sent a new refresh token, which is lost without --oauth-cache".to_owned());
            }
            return Ok(self.make_token(granted.token, false));
        };
        let mut kept = read_cache(cache, notes);
        // Only one run of many fetches; the others then find its token.
        let lock = if kept.find_usable(SystemTime::now()).is_none() { cache.lock() } else { None };
        if lock.is_some() {
            notes.clear();
            kept = read_cache(cache, notes);
        }
        let now = SystemTime::now();
        if let Some((token, left)) = kept.find_usable(now) {
            notes.push(format!("from the cache, expires in {}", describe_lifetime(left)));
            return Ok(self.make_token(token.clone(), true));
        }
        let granted = self.request(&mut kept.refresh_token, watch)?;
        if granted.lifetime.is_none() {
            notes.push("not kept in the cache: the server does not say how long it lasts".to_owned());
        }
        if let Err(why) = cache.keep(&granted, &kept, now) {
            notes.push(why);
            if granted.refresh_token.is_some() {
                notes.push("the new refresh token that the server sent is lost".to_owned());
            }
        }
        Ok(self.make_token(granted.token, false))
    }

    /// Removes a token that the IMAP server refused, so that the next run fetches another one.
    pub fn drop_cached(&self, token: &Token) {
        if let Some(cache) = &self.cache {
            // If it cannot be written the note of the next run says so.
            let _ = cache.drop_token(&token.secret);
        }
    }

    /// Asks for a token. A refresh token that was kept is newer than the one in the user's file, and so comes first. If the
    /// server does not take it, the user may have put a better one into the file, and it is not kept any longer.
    fn request(&self, kept: &mut Option<Secret>, watch: &Watch<'_>) -> Result<Granted, Failure> {
        if let (Credentials::Refresh { token, .. }, Some(newer)) = (&self.credentials, &kept) {
            match self.request_with(Some(newer), watch) {
                Err(denied) if denied.is_invalid_grant && newer.expose() != token.expose() => *kept = None,
                result => return result.map_err(|denied| denied.failure),
            }
        }
        self.request_with(None, watch).map_err(|denied| denied.failure)
    }

    fn request_with(&self, refresh_token: Option<&Secret>, watch: &Watch<'_>) -> Result<Granted, Denied> {
        let mut form = Form::default();
        let mut redactor = refresh_token.into_iter().fold(self.redactor.clone(), mask);
        let mut sent = None;
        match &self.credentials {
            Credentials::Client { id, secret } => {
                form.add("grant_type", "client_credentials");
                form.add("client_id", id);
                form.add_secret("client_secret", secret);
            }
            Credentials::Refresh { id, secret, token } => {
                let token = refresh_token.unwrap_or(token);
                sent = Some(token);
                form.add("grant_type", "refresh_token");
                form.add_secret("refresh_token", token);
                form.add("client_id", id);
                if let Some(secret) = secret {
                    form.add_secret("client_secret", secret);
                }
            }
            Credentials::Account(account) => {
                let Settings { user, scope, url, .. } = &self.settings;
                let assertion = account.sign(user, scope.as_deref(), &url.text, SystemTime::now());
                let assertion = assertion.map_err(|why| Failure::local(format!("--oauth-service-account: {why}")))?;
                form.add("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                form.add_secret("assertion", &assertion);
                redactor = mask(redactor, &assertion);
            }
        }
        // The scope of an assertion is inside it.
        let is_in_assertion = matches!(self.credentials, Credentials::Account(_));
        if let Some(scope) = self.settings.scope.as_ref().filter(|_| !is_in_assertion) {
            form.add("scope", scope);
        }
        let ca = self.ca.as_ref().map(|(name, content)| (name.as_str(), content.as_slice()));
        let endpoint = Endpoint { url: &self.settings.url, ca, watch, redactor: &redactor };
        let mut granted = read_answer(post(&endpoint, &form)?, &redactor)?;
        granted.refresh_token.take_if(|new| sent.is_none_or(|sent| sent.expose() == new.expose()));
        Ok(granted)
    }

    fn make_token(&self, secret: Secret, is_cached: bool) -> Token {
        let mut redactor = self.redactor.clone();
        redactor.add(&self.settings.user, &secret);
        Token { secret, redactor: Arc::new(redactor), is_cached }
    }
}

/// Masks a secret, also percent-encoded, as the form has it.
fn mask(mut redactor: Redactor, secret: &Secret) -> Redactor {
    redactor.add("", secret);
    for encoded in list_encodings(secret.expose()) {
        if encoded.as_slice() != secret.expose() {
            redactor.add("", &Secret::new(encoded.to_vec()));
        }
    }
    redactor
}

fn read_cache(cache: &Cache, notes: &mut Vec<String>) -> Kept {
    cache.read().unwrap_or_else(|why| {
        notes.push(why);
        Kept::default()
    })
}

fn describe_lifetime(left: Duration) -> String {
    format!("{} min", left.as_secs() / 60)
}
