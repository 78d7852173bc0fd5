//! The server's last line in a phase. The supervisor reads it when a limit ends the phase: the worker, which keeps it here,
//! hangs then and reports nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::credentials::redactor::{MAX_BYTES, Redactor};

/// The last line of the running phase; shared by the worker of a connection and the supervisor.
#[derive(Default)]
pub struct LastWords(Mutex<Line>);

#[derive(Default)]
struct Line {
    /// Without `*` or tag. None if nothing was read.
    text: Option<Vec<u8>>,
    /// A warning stays until another one comes: it says more than the data behind it.
    is_warning: bool,
    /// Masks the secrets of the connection.
    redactor: Option<Arc<Redactor>>,
}

impl LastWords {
    /// Keeps a line of this connection.
    pub(super) fn keep(&self, text: &[u8], is_warning: bool, redactor: &Arc<Redactor>) {
        let mut line = self.lock();
        if line.is_warning && !is_warning {
            return;
        }
        line.is_warning = is_warning;
        line.redactor = Some(Arc::clone(redactor));
        let kept = line.text.get_or_insert_default();
        kept.clear();
        kept.extend_from_slice(text.get(..MAX_BYTES).unwrap_or(text));
    }

    /// A phase begins, in which nothing was read yet.
    pub(super) fn forget(&self) {
        let mut line = self.lock();
        (line.text, line.is_warning) = (None, false);
    }

    /// In the server's own words, clean for output, secrets masked. None if it said nothing.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        let line = self.lock();
        Some(describe_line(line.text.as_ref()?, line.redactor.as_ref()?))
    }

    /// A worker that panicked leaves a whole line behind.
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line in the server's own words, clean for output, secrets masked.
pub(super) fn describe_line(text: &[u8], redactor: &Redactor) -> String {
    let mut line = redactor.clean(text);
    // It would stand before a comma of ours.
    if line.ends_with('.') && !line.ends_with("..") {
        line.pop();
        line.truncate(line.trim_end().len());
    }
    if text.is_empty() {
        "an empty line".to_owned()
    } else if line.is_empty() {
        "(nothing printable)".to_owned()
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::secret::Secret;

    #[test]
    fn a_warning_is_kept_until_another_one_comes_or_the_phase_ends() {
        let redactor = Arc::new(Redactor::new("joe", &Secret::new(b"s3cret".to_vec())));
        let words = LastWords::default();
        let hear = |text: &str, is_warning| {
            words.keep(text.as_bytes(), is_warning, &redactor);
            words.describe()
        };
        assert_eq!(hear("3 EXISTS", false).as_deref(), Some("3 EXISTS"));
        assert_eq!(hear("NO s3cret is full.", true).as_deref(), Some("NO *** is full"));
        assert_eq!(hear("FLAGS ()", false).as_deref(), Some("NO *** is full"));
        assert_eq!(hear("BYE .", true).as_deref(), Some("BYE"));
        words.forget();
        assert_eq!(words.describe(), None);
        assert_eq!(hear("", false).as_deref(), Some("an empty line"));
    }
}
