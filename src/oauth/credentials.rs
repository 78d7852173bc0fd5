//! The secrets of a grant, read from the user's files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use super::Grant;
use super::assertion::ServiceAccount;
use crate::credentials::secret::Secret;
use crate::credentials::source::{read_first_line, show_path};
use crate::text::describe_io_error;

/// Bytes; no key file is larger.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// What the files of a grant have in them.
pub(super) enum Credentials {
    Client { id: String, secret: Secret },
    Refresh { id: String, secret: Option<Secret>, token: Secret },
    Account(ServiceAccount),
}

impl Credentials {
    /// Reads the files. Before a file is opened, `report_reading` gets its name: it may hang.
    pub(super) fn read(grant: &Grant, report_reading: &dyn Fn(String)) -> Result<Self, String> {
        let read = |option: &str, file: &Path| read_secret(option, file, report_reading);
        Ok(match grant {
            Grant::ClientCredentials { id, secret } => {
                Self::Client { id: id.clone(), secret: read("--oauth-client-secret-file", secret)? }
            }
            Grant::RefreshToken { id, secret, token } => Self::Refresh {
                id: id.clone(),
                secret: secret.as_ref().map(|file| read("--oauth-client-secret-file", file)).transpose()?,
                token: read("--oauth-refresh-token-file", token)?,
            },
            Grant::ServiceAccount(file) => {
                let what = format!("--oauth-service-account: {}", show_path(file));
                report_reading(what.clone());
                let account = read_key_file(file).and_then(|content| ServiceAccount::parse(&content));
                Self::Account(account.map_err(|why| format!("{what}: {why}"))?)
            }
        })
    }

    /// The name of the client.
    pub(super) fn client(&self) -> &str {
        match self {
            Self::Client { id, .. } | Self::Refresh { id, .. } => id,
            Self::Account(account) => &account.email,
        }
    }

    /// All that must be in no output.
    pub(super) fn list_secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Client { secret, .. } => vec![secret],
            Self::Refresh { secret, token, .. } => secret.iter().chain([token]).collect(),
            Self::Account(account) => vec![account.private_key()],
        }
    }
}

fn read_secret(option: &str, file: &Path, report_reading: &dyn Fn(String)) -> Result<Secret, String> {
    let what = format!("{option}: {}", show_path(file));
    report_reading(what.clone());
    let opened = File::open(file).map_err(|error| describe_io_error(&error));
    opened.and_then(read_first_line).map_err(|why| format!("{what}: {why}"))
}

fn read_key_file(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut content = Zeroizing::new(Vec::with_capacity(8 * 1024));
    let read = File::open(file).and_then(|file| file.take(MAX_KEY_FILE + 1).read_to_end(&mut content));
    match read.map_err(|error| describe_io_error(&error))? {
        bytes if u64::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_KEY_FILE) => Ok(content),
        _ => Err(format!("it has more than {} KiB", MAX_KEY_FILE >> 10)),
    }
}
