//! The options of OAuth 2.0 together: which of them go with which.

use std::path::PathBuf;

use crate::credentials::source::PasswordSource;
use crate::imap::auth::{MECHANISMS, Mechanism, Wants};
use crate::oauth::url::Url;
use crate::oauth::{Grant, Settings};

/// What the user gave of them.
#[derive(Clone, Debug, Default)]
pub struct Oauth {
    /// The token endpoint. Without it no token is fetched.
    pub url: Option<Url>,
    /// The name of the client.
    pub client_id: Option<String>,
    /// The secret of the client.
    pub client_secret_file: Option<PathBuf>,
    /// What the token is to allow.
    pub scope: Option<String>,
    /// The refresh token.
    pub refresh_token_file: Option<PathBuf>,
    /// The key of a service account.
    pub service_account: Option<PathBuf>,
    /// The file that keeps the token.
    pub cache: Option<PathBuf>,
}

impl Oauth {
    /// Whether the options fit together, and with the mechanism and the password's.
    ///
    /// # Errors
    /// The option at fault, what is wrong with it and what would be right.
    pub fn check(&self, mechanism: &Mechanism, password: &PasswordSource) -> Result<(), String> {
        let given = [
            ("--oauth-client-id", self.client_id.is_some()),
            ("--oauth-client-secret-file", self.client_secret_file.is_some()),
            ("--oauth-scope", self.scope.is_some()),
            ("--oauth-refresh-token-file", self.refresh_token_file.is_some()),
            ("--oauth-service-account", self.service_account.is_some()),
            ("--oauth-cache", self.cache.is_some()),
        ];
        let find = |names: &[&str]| given.iter().find(|(name, is_given)| *is_given && names.contains(name));
        if self.url.is_none() {
            return match given.iter().find(|(_, is_given)| *is_given) {
                Some((option, _)) => {
                    Err(format!("{option}: no token is fetched, right is {option} together with --oauth-token-url"))
                }
                None => Ok(()),
            };
        }
        if mechanism.wants != Wants::Token {
            let right = MECHANISMS.iter().filter(|mechanism| mechanism.wants == Wants::Token);
            let right: Vec<&str> = right.map(|mechanism| mechanism.name).collect();
            let (name, right) = (mechanism.name, right.join(" or "));
            return Err(format!("--oauth-token-url: --auth {name} sends no token, right is --auth {right}"));
        }
        if let Some(option) = password.option() {
            return Err(format!(
                "{option}: the token of --oauth-token-url is sent in the place of a password, \
                 right is one of them: {option} or --oauth-token-url"
            ));
        }
        if self.service_account.is_some() {
            let others = ["--oauth-client-id", "--oauth-client-secret-file", "--oauth-refresh-token-file"];
            return match find(&others) {
                Some((option, _)) => Err(format!(
                    "{option}: the key of a service account is all that is needed, \
                     right is one of them: {option} or --oauth-service-account"
                )),
                None => Ok(()),
            };
        }
        if self.client_secret_file.is_none() && self.refresh_token_file.is_none() {
            return Err("--oauth-token-url: nothing says why the server should grant a token, right is one of them: \
                        --oauth-client-secret-file, --oauth-refresh-token-file or --oauth-service-account"
                .to_owned());
        }
        if self.client_id.is_none() {
            return Err("--oauth-token-url: --oauth-client-id is missing".to_owned());
        }
        Ok(())
    }

    /// The settings for the run, if a token is to be fetched. `user` is the account that logs in; `needed` are the files
    /// that the run reads beside.
    #[must_use]
    pub fn make_settings(&self, user: &str, needed: Vec<PathBuf>) -> Option<Settings> {
        let id = || self.client_id.clone().unwrap_or_default();
        let grant = match (&self.service_account, &self.refresh_token_file, &self.client_secret_file) {
            (Some(file), ..) => Grant::ServiceAccount(file.clone()),
            (_, Some(token), secret) => Grant::RefreshToken { id: id(), secret: secret.clone(), token: token.clone() },
            (_, _, Some(secret)) => Grant::ClientCredentials { id: id(), secret: secret.clone() },
            _ => return None,
        };
        Some(Settings {
            url: self.url.clone()?,
            grant,
            scope: self.scope.clone(),
            user: user.to_owned(),
            cache: self.cache.clone(),
            needed,
        })
    }

    /// The files that a run reads and keeps.
    #[must_use]
    pub fn list_files(&self) -> Vec<PathBuf> {
        let of_grant = self.make_settings("", Vec::new()).map(|settings| settings.list_files());
        of_grant.into_iter().flatten().chain(self.cache.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Options;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        Options::from_arguments(&[&["-H", "h", "-u", "joe", "--auth", "oauthbearer"], arguments].concat())
    }

    const URL: [&str; 2] = ["--oauth-token-url", "https://login.example.org/token"];
    const ID: [&str; 2] = ["--oauth-client-id", "client"];
    const SECRET: [&str; 2] = ["--oauth-client-secret-file", "f"];
    const REFRESH: [&str; 2] = ["--oauth-refresh-token-file", "f"];
    const ACCOUNT: [&str; 2] = ["--oauth-service-account", "f"];
    const SCOPE: [&str; 2] = ["--oauth-scope", "s"];
    const CACHE: [&str; 2] = ["--oauth-cache", "f"];
    const FILE: [&str; 2] = ["--password-file", "f"];

    #[test]
    fn each_grant_needs_its_options_and_no_password() {
        for options in [
            [URL, ID, SECRET].concat(),
            [URL, ID, SECRET, SCOPE, CACHE].concat(),
            [URL, ID, REFRESH].concat(),
            [URL, ID, SECRET, REFRESH, SCOPE].concat(),
            [URL, ACCOUNT].concat(),
            [URL, ACCOUNT, SCOPE, CACHE].concat(),
        ] {
            let options = parse(&options).unwrap_or_else(|why| panic!("{options:?}: {why}"));
            assert!(options.plan.fetches_token && options.make_worker_settings().oauth.is_some());
        }
    }

    #[test]
    fn options_that_do_not_fit_together_are_refused() {
        for (options, said) in [
            (SCOPE.to_vec(), "--oauth-scope: no token is fetched"),
            ([CACHE, FILE].concat(), "--oauth-cache: no token is fetched"),
            ([ID, FILE].concat(), "--oauth-client-id: no token is fetched"),
            (URL.to_vec(), "--oauth-token-url: nothing says why"),
            ([URL, ID].concat(), "--oauth-token-url: nothing says why"),
            ([URL, SECRET].concat(), "--oauth-client-id is missing"),
            ([URL, REFRESH].concat(), "--oauth-client-id is missing"),
            ([URL, ACCOUNT, ID].concat(), "--oauth-client-id: the key of a service account"),
            ([URL, ACCOUNT, REFRESH].concat(), "--oauth-refresh-token-file: the key of a service account"),
            ([URL, ID, SECRET, FILE].concat(), "--password-file: the token of --oauth-token-url"),
            (
                [URL, ID, SECRET, ["--password-command", "x"]].concat(),
                "--password-command: the token of --oauth-token-url",
            ),
            (vec!["--oauth-token-url", "http://login.example.org/"], "--oauth-token-url: http://login.example.org/"),
            (
                [&URL[..], &ID, &SECRET, &["--auth", "scram-sha-256"]].concat(),
                "--auth scram-sha-256 sends no token, right is --auth xoauth2 or oauthbearer",
            ),
            ([&URL[..], &ID, &SECRET, &["--auth", "external"]].concat(), "--auth external sends no token"),
            (vec!["--oauth-scope", ""], "--oauth-scope: (empty)"),
        ] {
            let why = parse(&options).err().unwrap_or_else(|| panic!("{options:?} is taken"));
            assert!(why.starts_with(said) || why.contains(said), "{options:?}: {why}");
            assert!(!why.contains('\n'), "{why}");
        }
    }
}
