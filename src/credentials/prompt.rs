//! The question for a password on a terminal, which does not echo the answer. Who waits for the answer, and for how long,
//! is not decided here.

use std::fs::File;
use std::io::{self, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// The terminal of this process, whatever its standard output is (POSIX, XBD section 10.1).
pub const TERMINAL: &str = "/dev/tty";

/// A special character that no key gives: `_POSIX_VDISABLE` of Linux.
const NO_KEY: u8 = 0;

/// A terminal that waits for an answer. Once it is dropped, the terminal is as it was before.
pub struct Prompt {
    terminal: File,
    modes: Termios,
}

impl Prompt {
    /// Shows the question on the terminal of this process.
    ///
    /// # Errors
    /// There is no such terminal.
    pub fn show(question: &str) -> io::Result<Self> {
        Self::show_on(File::options().read(true).write(true).open(TERMINAL)?, question)
    }

    fn show_on(terminal: File, question: &str) -> io::Result<Self> {
        let mut prompt = Self { modes: tcgetattr(&terminal)?, terminal };
        let mut silent = prompt.modes.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
        // Both would leave a terminal without echo behind, because no code of ours runs then. Ctrl-C is a signal that ends
        // the run in order.
        for key in [SpecialCodeIndex::VQUIT, SpecialCodeIndex::VSUSP] {
            silent.special_codes[key] = NO_KEY;
        }
        // What was typed before the question is no answer to it.
        tcsetattr(&prompt.terminal, OptionalActions::Flush, &silent)?;
        prompt.terminal.write_all(question.as_bytes())?;
        Ok(prompt)
    }

    /// The answer comes from here.
    ///
    /// # Errors
    /// There is no file descriptor left.
    pub fn open_answer(&self) -> io::Result<File> {
        self.terminal.try_clone()
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.modes);
        // The end of the line was not echoed, either.
        let _ = self.terminal.write_all(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};

    use super::*;

    #[test]
    fn a_terminal_echoes_again_after_a_panic() {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).unwrap();
        unlockpt(&keyboard).unwrap();
        let terminal = File::from(ioctl_tiocgptpeer(&keyboard, flags).unwrap());
        let before = tcgetattr(&terminal).unwrap();
        assert!(before.local_modes.contains(LocalModes::ECHO));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _prompt = Prompt::show_on(terminal.try_clone().unwrap(), "Password: ").unwrap();
            assert!(!tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO));
            panic!("as any code may");
        }));
        assert!(panicked.is_err());
        let after = tcgetattr(&terminal).unwrap();
        assert_eq!(format!("{after:?}"), format!("{before:?}"));
    }
}
