//! Puts a text into a file so that a reader finds the old one or the new one, never a part: written beside it under a
//! hidden name, then renamed.

use crate::text::{io_reason, shown};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Replaces the file or makes it.
///
/// # Errors
/// In words with the file's name, clean for output.
pub fn write(file: &Path, text: &str) -> Result<(), String> {
    replace(file, text).map_err(|error| format!("{}: {}", shown(&file.to_string_lossy()), io_reason(&error)))
}

fn replace(file: &Path, text: &str) -> io::Result<()> {
    // A link stays, what it leads to is replaced.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    if fs::metadata(&file).is_ok_and(|found| !found.is_file()) {
        // As root a rename would put a file in the place of a device.
        return Err(io::Error::other("is not a regular file, and only those can be replaced"));
    }
    let hidden = hidden(&file)?;
    let written = File::create_new(&hidden)
        .and_then(|mut hidden| hidden.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&hidden, &file));
    if written.is_err() {
        // The first error is the one that matters.
        let _ = fs::remove_file(&hidden);
    }
    written
}

/// In the same folder, since a rename does not cross file systems; not matched by `*.prom`; like no other run's.
fn hidden(file: &Path) -> io::Result<PathBuf> {
    let name = file.file_name().ok_or_else(|| io::Error::other("is not the name of a file"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let own = format!(".{}.{}.{}", name.to_string_lossy(), std::process::id(), now.subsec_nanos());
    Ok(file.with_file_name(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_and_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("imap.prom");
        write(&file, "one\n").unwrap();
        write(&file, "two\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        let link = folder.path().join("link.prom");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "three\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "three\n");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_cannot_be_replaced_is_named_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        for file in [folder.path().to_owned(), folder.path().join("none/imap.prom"), "/dev/null".into()] {
            let why = write(&file, "text\n").unwrap_err();
            assert!(why.starts_with(&file.display().to_string()), "{why}");
        }
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
