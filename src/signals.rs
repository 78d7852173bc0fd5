//! SIGTERM, SIGINT and SIGHUP as events: schedulers send them when their patience ends, and keep what is printed then.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals as Incoming;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Tells of signals to whoever listens.
#[derive(Clone, Default)]
pub struct Signals(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    is_watched: bool,
    /// The first signal that came.
    name: Option<&'static str>,
    listeners: Vec<Box<dyn Fn(&'static str) + Send>>,
}

impl Signals {
    /// Calls `listener` at the first signal, at once if that has come already. Signals are watched from the first
    /// listener on.
    pub fn listen(&self, listener: impl Fn(&'static str) + Send + 'static) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut heard.is_watched, true) {
            self.watch();
        }
        match heard.name {
            Some(name) => listener(name),
            None => heard.listeners.push(Box::new(listener)),
        }
    }

    /// Whether one has come.
    #[must_use]
    pub fn came(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).name.is_some()
    }

    /// Where this cannot be set up, signals end the process as they always do.
    fn watch(&self) {
        if let Ok(mut incoming) = Incoming::new([SIGTERM, SIGINT, SIGHUP]) {
            let signals = self.clone();
            let watch = move || {
                for signal in incoming.forever() {
                    signals.heard(name(signal));
                }
            };
            let _ = thread::Builder::new().name("signals".to_owned()).spawn(watch);
        }
    }

    /// A signal has come.
    pub(crate) fn heard(&self, name: &'static str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.name.get_or_insert(name);
        for listener in heard.listeners.drain(..) {
            listener(name);
        }
    }
}

fn name(signal: i32) -> &'static str {
    match signal {
        SIGINT => "SIGINT",
        SIGHUP => "SIGHUP",
        _ => "SIGTERM",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_signal_is_told_to_those_who_listen_and_to_those_who_come_later() {
        let signals = Signals::default();
        let (told, heard) = mpsc::channel();
        let (early, late) = (told.clone(), told);
        signals.listen(move |name| early.send(name).unwrap());
        signals.heard("SIGHUP");
        signals.heard("SIGTERM");
        signals.listen(move |name| late.send(name).unwrap());
        assert_eq!(heard.iter().collect::<Vec<_>>(), ["SIGHUP", "SIGHUP"]);
    }
}
