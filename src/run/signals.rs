//! SIGTERM, SIGINT and SIGHUP as events: schedulers send them when their patience ends, and keep what is printed then.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::{pipe, unregister};
use signal_hook::{SigId, flag};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Each with its number in [`Signals`].
const SIGNALS: [(i32, usize, &str); 3] = [(SIGTERM, 1, "SIGTERM"), (SIGINT, 2, "SIGINT"), (SIGHUP, 3, "SIGHUP")];

/// Which signal has come, if any.
#[derive(Clone, Default)]
pub struct Signals(Arc<AtomicUsize>);

/// While it is there, signals ring the bell.
pub struct Watch(Vec<SigId>);

impl Signals {
    /// The signal that has come, by its name.
    #[must_use]
    pub fn came(&self) -> Option<&'static str> {
        let came = self.0.load(Ordering::SeqCst);
        SIGNALS.iter().find(|(_, number, _)| *number == came).map(|(_, _, name)| *name)
    }

    /// From now on signals are noted. Where that cannot be set up, a signal ends the process as it always does.
    pub fn hear(&self) {
        for (signal, number, _) in SIGNALS {
            let _ = flag::register_usize(signal, Arc::clone(&self.0), number);
        }
    }

    /// From now on a signal writes a byte to this socket; after [`Signals::hear`], so that who is woken finds the note.
    ///
    /// # Errors
    /// Not for each signal: who waits has to look from time to time.
    pub fn watch(&self, bell: &UnixStream) -> io::Result<Watch> {
        let mut watch = Watch(Vec::new());
        for (signal, ..) in SIGNALS {
            watch.0.push(pipe::register(signal, bell.try_clone()?)?);
        }
        Ok(watch)
    }

    /// A signal has come.
    #[cfg(test)]
    pub fn note(&self, name: &str) {
        let number = SIGNALS.iter().find(|(_, _, other)| *other == name).map_or(0, |(_, number, _)| *number);
        self.0.store(number, Ordering::SeqCst);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for id in self.0.drain(..) {
            unregister(id);
        }
    }
}
