//! SIGTERM, SIGINT and SIGHUP. A scheduler sends one when it has waited long enough, and keeps what is printed then.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::{pipe, unregister};
use signal_hook::{SigId, flag};

/// Each with its number in [`Signals`].
const SIGNALS: [(i32, usize, &str); 3] = [(SIGTERM, 1, "SIGTERM"), (SIGINT, 2, "SIGINT"), (SIGHUP, 3, "SIGHUP")];

/// Which signal has come, if any.
#[derive(Clone, Default)]
pub struct Signals(Arc<AtomicUsize>);

/// While it is there, each signal writes a byte to a socket.
pub struct Registration(Vec<SigId>);

impl Signals {
    /// The signal that has come, by its name.
    #[must_use]
    pub fn caught(&self) -> Option<&'static str> {
        let caught = self.0.load(Ordering::SeqCst);
        SIGNALS.iter().find(|(_, number, _)| *number == caught).map(|(_, _, name)| *name)
    }

    /// From now on signals are noted. If that cannot be set up, a signal ends the process as it does by default.
    pub fn catch(&self) {
        for (signal, number, _) in SIGNALS {
            let _ = flag::register_usize(signal, Arc::clone(&self.0), number);
        }
    }

    /// From now on a signal writes a byte to this socket. Called after [`Signals::catch`], so that a thread that is woken by
    /// the byte finds the note.
    ///
    /// # Errors
    /// It could not be done for each signal: the waiting thread has to look from time to time.
    pub fn register(&self, socket: &UnixStream) -> io::Result<Registration> {
        let mut registration = Registration(Vec::new());
        for (signal, ..) in SIGNALS {
            registration.0.push(pipe::register(signal, socket.try_clone()?)?);
        }
        Ok(registration)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        for id in self.0.drain(..) {
            unregister(id);
        }
    }
}
