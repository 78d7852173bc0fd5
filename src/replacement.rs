//! Puts content into a file so that a reader finds the old one or the new one, never a part: written beside it without a
//! name, then named and renamed.

use std::fs::{self, DirEntry, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

/// How hidden names end: not with `.prom`, so that no collector takes them.
const HIDDEN: &str = ".imap_session";
/// No run lasts so long.
const LEFTOVER: Duration = Duration::from_secs(3600);

/// Replaces a regular file, or makes it, with this mode, but none of those that are `needed`.
///
/// # Errors
/// The file is not a regular one, is needed, or cannot be written.
pub fn replace_file(file: &Path, content: &[u8], mode: u32, needed: &[PathBuf]) -> io::Result<()> {
    if let Ok(found) = fs::symlink_metadata(file) {
        // As root a rename would put a file in the place of /dev/stdout, and a link may be somebody else's.
        if !found.is_file() {
            return Err(io::Error::other("is not a regular file, and only those can be replaced"));
        }
        // The file counts, not the path that leads to it.
        let is_it = |other: Metadata| (other.dev(), other.ino()) == (found.dev(), found.ino());
        if needed.iter().any(|other| fs::metadata(other).is_ok_and(is_it)) {
            return Err(io::Error::other("is read by another option and would be lost"));
        }
    }
    if file.file_name().is_none() {
        return Err(io::Error::other("is not the name of a file"));
    }
    remove_leftovers(file);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // In the same folder, since a rename does not cross file systems, and like no other run's.
    let hidden = file.with_file_name(format!(".{}.{}{HIDDEN}", std::process::id(), now.subsec_nanos()));
    let written = write_hidden(&hidden, content, mode).and_then(|()| fs::rename(&hidden, file));
    if written.is_err() {
        // The first error is the one that matters.
        let _ = fs::remove_file(&hidden);
    }
    written
}

/// `.PID.NANOSECONDS.imap_session`, and nothing that only looks similar.
fn is_hidden(name: &str) -> bool {
    let numbers =
        name.strip_prefix('.').and_then(|rest| rest.strip_suffix(HIDDEN)).and_then(|rest| rest.split_once('.'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(process, time)| is_number(process) && is_number(time))
}

/// Makes a file with a hidden name. It has no name until it is complete: a run that is killed leaves hardly ever anything.
fn write_hidden(hidden: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    // NFS knows no files without a name, and a name can be given only where /proc is.
    name_complete(hidden, content, mode).or_else(|_| {
        let named = OpenOptions::new().write(true).create_new(true).mode(mode).open(hidden)?;
        fill(&named, content, mode)
    })
}

fn name_complete(hidden: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let unnamed = File::from(open(find_folder(hidden), flags, Mode::from_raw_mode(mode))?);
    fill(&unnamed, content, mode)?;
    let link = format!("/proc/self/fd/{}", unnamed.as_raw_fd());
    Ok(linkat(CWD, link, CWD, hidden, AtFlags::SYMLINK_FOLLOW)?)
}

fn fill(mut file: &File, content: &[u8], mode: u32) -> io::Result<()> {
    // Whatever the umask is.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)
}

fn find_folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A run that was killed leaves its hidden file: gone an hour later.
fn remove_leftovers(file: &Path) {
    let is_old = |file: &DirEntry| {
        let data = file.metadata().ok().filter(Metadata::is_file);
        let age = data.and_then(|data| data.modified().ok()).and_then(|changed| changed.elapsed().ok());
        age.is_some_and(|age| age > LEFTOVER)
    };
    for entry in fs::read_dir(find_folder(file)).into_iter().flatten().flatten() {
        if is_hidden(&entry.file_name().to_string_lossy()) && is_old(&entry) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
