//! The sources of a password, and how each is read. Reading blocks and has no limit: limits are the supervisor's.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::command::{CommandGroup, read_password};
use super::secret::Secret;
use crate::text::{self, describe_io_error};

/// The environment variable that is used without `--password-file`.
pub const PASSWORD_VARIABLE: &str = "IMAP_SESSION_PASSWORD";

/// Bytes; no password is longer, and few access tokens are.
const USUAL_LENGTH: usize = 4096;
/// Bytes; no access token is longer.
pub(super) const MAX_LENGTH: usize = 16 * 1024;

/// The source of the password.
#[derive(Clone)]
pub enum PasswordSource {
    /// The first line of this file.
    File(PathBuf),
    /// The first line of standard input.
    Stdin,
    /// The first line that this shell command prints.
    Command(String),
    /// The environment.
    Value(Secret),
}

impl PasswordSource {
    /// The option that names it.
    #[must_use]
    pub fn option(&self) -> Option<&'static str> {
        match self {
            Self::File(_) | Self::Stdin => Some("--password-file"),
            Self::Command(_) => Some("--password-command"),
            Self::Value(_) => None,
        }
    }

    /// Reads the password. Before a file is opened or a command started, `report_reading` gets its name: it may hang.
    /// A command runs in the group.
    ///
    /// # Errors
    /// The file and what is wrong with it or with its first line.
    pub fn read(&self, group: &CommandGroup, report_reading: &dyn Fn(String)) -> Result<Secret, String> {
        let (what, opened) = match self {
            Self::Value(password) => return Ok(password.clone()),
            Self::Command(command) => {
                // The command itself is not shown: it may have a secret in it.
                let what = "--password-command";
                report_reading(what.to_owned());
                return read_password(command, group).map_err(|why| format!("{what}: {why}"));
            }
            Self::File(path) => {
                let what = format!("--password-file: {}", show_path(path));
                report_reading(what.clone());
                (what, File::open(path))
            }
            Self::Stdin => {
                let what = "--password-file: standard input".to_owned();
                report_reading(what.clone());
                (what, open_standard_input())
            }
        };
        let file = opened.map_err(|error| describe_io_error(&error));
        file.and_then(read_first_line).map_err(|why| format!("{what}: {why}"))
    }
}

/// A path as it is shown.
#[must_use]
pub fn show_path(path: &Path) -> String {
    text::clean(path.as_os_str().as_encoded_bytes())
}

/// Unbuffered, so that no copy of the password stays in a buffer that is not wiped.
fn open_standard_input() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

/// Reads the first line, which must be a password.
///
/// # Errors
/// What is wrong with the file or with its first line.
pub fn read_first_line(mut file: File) -> Result<Secret, String> {
    let mut line = Zeroizing::new(Vec::with_capacity(USUAL_LENGTH));
    let mut byte = [0];
    while file.read(&mut byte).map_err(|error| describe_io_error(&error))? == 1 && byte != *b"\n" {
        if line.len() == MAX_LENGTH {
            return Err(format!("its first line has more than {MAX_LENGTH} bytes"));
        }
        if line.len() == line.capacity() {
            // If it grew by itself, a copy would stay behind that is not wiped.
            let mut larger = Zeroizing::new(Vec::with_capacity(MAX_LENGTH));
            larger.extend_from_slice(&line);
            line = larger;
        }
        line.extend_from_slice(&byte);
    }
    check_first_line(line)
}

/// A line without its LF, which must be a password.
pub(super) fn check_first_line(mut line: Zeroizing<Vec<u8>>) -> Result<Secret, String> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let password = Secret::new(std::mem::take(&mut line));
    password.check().map(|()| password).map_err(|why| format!("its first line cannot be used: {why}"))
}
