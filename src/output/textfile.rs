//! Writes the report for Prometheus into a file, but into none that the run needs, and within the limit of the run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::deliver::MIN_PATIENCE;
use super::{Settings, prometheus};
use crate::replacement::replace_file;
use crate::report::Report;
use crate::run::bounded::run_bounded;
use crate::run::signals::Signals;
use crate::text::{describe_io_error, show_value};

/// The least time that writing the file is given.
const MIN_TIME: Duration = Duration::from_millis(30);

/// Writes the report for Prometheus in what is left of its limit: the file may be on a dead mount. `needed` are the files
/// that the run reads. An error becomes an obstacle in the report.
pub fn write_in_time(
    file: &Path,
    needed: Vec<PathBuf>,
    report: &mut Report,
    settings: &Settings,
    signals: &Signals,
    start: Instant,
) {
    let text = prometheus::render(report, settings);
    let name = show_value(&file.to_string_lossy());
    let file = file.to_owned();
    // Those that could not be read in time would hang here, too.
    let is_dead = report.obstacle.is_some() && report.timed_out;
    let needed = if is_dead { Vec::new() } else { needed };
    // Without the microseconds, which would only make the message longer.
    let left = report.limit.saturating_sub(start.elapsed()).as_millis();
    let left = Duration::from_millis(left.try_into().unwrap_or_default());
    let written = run_bounded(left.max(MIN_TIME), MIN_PATIENCE, signals, move || write(&file, &text, &needed))
        .unwrap_or_else(|why| Err(format!("{name}: {why}")));
    if let Err(why) = written {
        let before = report.obstacle.take().map(|obstacle| obstacle + ", ").unwrap_or_default();
        report.obstacle = Some(format!("{before}--textfile: {why}"));
    }
}

/// Replaces the file or makes it, but none of those that are `needed`.
///
/// # Errors
/// In words with the file's name, clean for output.
pub fn write(file: &Path, text: &str, needed: &[PathBuf]) -> Result<(), String> {
    // The collector is another user.
    replace_file(file, text.as_bytes(), 0o644, needed)
        .map_err(|error| format!("{}: {}", show_value(&file.to_string_lossy()), describe_io_error(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::fs::{self, File};
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    #[test]
    fn a_file_is_made_and_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("imap.prom");
        write(&file, "one\n", &[]).unwrap();
        write(&file, "two\n", &[]).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn its_mode_is_for_a_collector_and_its_name_may_be_long() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x".repeat(250) + ".prom");
        write(&file, "one\n", &[]).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn leftovers_of_killed_runs_are_removed_once_they_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("imap.prom");
        let place = |name: &str, age: u64| {
            let place = folder.path().join(name);
            File::create(&place).unwrap().set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            place
        };
        let (old, young) = (place(".1.2.imap_session", 7200), place(".3.4.imap_session", 60));
        let others = ["mail", ".mail", ".a.2", ".1.2.3", ".1.", "..2", "."]
            .map(|name| place(&format!("{name}.imap_session"), 7200));
        write(&file, "one\n", &[]).unwrap();
        assert!(!old.exists() && young.exists());
        assert!(others.iter().all(|other| other.exists()), "{others:?}");
    }

    #[test]
    fn what_cannot_be_replaced_is_named_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link.prom");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        for file in [folder.path().to_owned(), folder.path().join("none/imap.prom"), "/dev/null".into(), link] {
            let why = write(&file, "text\n", &[]).unwrap_err();
            assert!(why.starts_with(&file.display().to_string()), "{why}");
        }
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
