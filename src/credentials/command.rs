//! A command of the user that prints a password. How long it may run is not decided here: whoever decides it ends its
//! process group, which is all that the command has started and that has not left the group by itself.

use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::SigId;
use signal_hook::consts::SIGCHLD;
use signal_hook::low_level::{pipe, unregister};
use zeroize::Zeroizing;

use super::redactor::{MAX_BYTES, Redactor};
use super::secret::Secret;
use super::source::{MAX_LENGTH, check_first_line};
use crate::text::describe_io_error;

/// POSIX has it, wherever PATH leads.
const SHELL: &str = "/bin/sh";
/// Bytes of the output that are kept: the longest password with its line end.
const KEPT: usize = MAX_LENGTH + 2;
/// A shorter word of the output occurs in any text.
const MIN_WORD: usize = 4;
/// More is never left in a pipe that nobody fills any more.
const PIPE_READS: usize = 32;
/// A process that was killed is gone at once, unless its system call cannot be ended.
const DEATH: Duration = Duration::from_millis(20);

/// The process group of a run's command.
#[derive(Default)]
pub struct CommandGroup(Mutex<State>);

/// Whether a command runs.
#[derive(Default)]
enum State {
    #[default]
    Idle,
    Running(Child),
    /// The run is over: no command is started any more.
    Over,
}

/// Runs the command by the shell, with an empty standard input, and returns the first line that it prints.
///
/// # Errors
/// The command failed, or that line is no password. The text has the last line of its standard error, without anything
/// that the command printed on its standard output.
pub fn read_password(command: &str, group: &CommandGroup) -> Result<Secret, String> {
    let ended = EndOfChild::watch().map_err(|error| describe_io_error(&error))?;
    let mut printed = group.start(command)?;
    loop {
        ended.wait(&printed).map_err(|errno| describe_io_error(&errno.into()))?;
        printed.read();
        if let Some(status) = group.collect()? {
            // What was printed last is still in the pipes.
            (0..PIPE_READS).for_each(|_| printed.read());
            return printed.judge(status);
        }
    }
}

impl CommandGroup {
    fn start(&self, command: &str) -> Result<Printed, String> {
        let mut state = self.lock();
        if matches!(*state, State::Over) {
            return Err("the run is over".to_owned());
        }
        let mut shell = Command::new(SHELL);
        shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = shell.process_group(0).spawn().and_then(|mut child| {
            let pipes = (child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from));
            *state = State::Running(child);
            Printed::new(pipes.0, pipes.1)
        });
        started.map_err(|error| format!("{SHELL}: {}", describe_io_error(&error)))
    }

    /// The exit status, once the command has ended. The rest of its group is ended then.
    fn collect(&self) -> Result<Option<ExitStatus>, String> {
        let mut state = self.lock();
        let State::Running(child) = &mut *state else { return Err("the run is over".to_owned()) };
        // As long as its status is not fetched, no other process gets its number, and no other group.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(Pid::from_child(child)), look) {
            Ok(None) => return Ok(None),
            Ok(Some(_)) => kill_group(child),
            // Somebody else has fetched it: the number may be another's by now.
            Err(_) => {}
        }
        let status = child.wait();
        *state = State::Idle;
        status.map(Some).map_err(|error| describe_io_error(&error))
    }

    /// Ends the command with its group, if it still runs. No other one is started.
    pub fn end(&self) {
        let State::Running(mut child) = mem::replace(&mut *self.lock(), State::Over) else { return };
        kill_group(&child);
        // Without this it stays as a zombie if nobody collects the children of an ended plugin, as in many containers.
        for _ in 0..DEATH.as_millis() {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kill_group(leader: &Child) {
    // It fails if nothing of the group is left.
    let _ = kill_process_group(Pid::from_child(leader), Signal::KILL);
}

/// Wakes a thread when a child of this process has ended. Its handler also counts if the process that started this one
/// ignored SIGCHLD: without a handler the kernel would throw the exit status away.
struct EndOfChild {
    receiver: UnixStream,
    registration: SigId,
}

impl EndOfChild {
    fn watch() -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        Ok(Self { receiver, registration: pipe::register(SIGCHLD, sender)? })
    }

    /// Until a child has ended, or there is something to read.
    fn wait(&self, printed: &Printed) -> Result<(), Errno> {
        let pipes = [&printed.output, &printed.errors];
        let mut polled = vec![PollFd::new(&self.receiver, PollFlags::IN)];
        polled.extend(pipes.into_iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        match poll(&mut polled, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        let _ = (&self.receiver).read(&mut [0; 64]);
        Ok(())
    }
}

impl Drop for EndOfChild {
    fn drop(&mut self) {
        unregister(self.registration);
    }
}

/// What the command has printed so far, as far as it counts.
struct Printed {
    /// None at its end.
    output: Option<File>,
    errors: Option<File>,
    /// The beginning of the output.
    start: Zeroizing<Vec<u8>>,
    /// There was more output.
    is_cut: bool,
    /// The last line of standard error that is not empty, and what stands behind it.
    last_line: Zeroizing<Vec<u8>>,
    next_line: Zeroizing<Vec<u8>>,
}

impl Printed {
    fn new(output: Option<OwnedFd>, errors: Option<OwnedFd>) -> io::Result<Self> {
        for pipe in [&output, &errors].into_iter().flatten() {
            ioctl_fionbio(pipe, true)?;
        }
        Ok(Self {
            output: output.map(File::from),
            errors: errors.map(File::from),
            // Never grown: that would leave a copy behind which is not wiped.
            start: Zeroizing::new(Vec::with_capacity(KEPT)),
            is_cut: false,
            last_line: Zeroizing::default(),
            next_line: Zeroizing::default(),
        })
    }

    /// Reads a part of what has come, without waiting.
    fn read(&mut self) {
        let mut buffer = Zeroizing::new([0; 4096]);
        let read = read_some(&mut self.output, &mut *buffer);
        self.take_output(read);
        let read = read_some(&mut self.errors, &mut *buffer);
        self.take_errors(read);
    }

    fn take_output(&mut self, bytes: &[u8]) {
        let room = KEPT - self.start.len();
        self.is_cut |= bytes.len() > room;
        self.start.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn take_errors(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = mem::take(&mut self.next_line);
                if !line.trim_ascii().is_empty() {
                    self.last_line = line;
                }
            } else if self.next_line.len() <= MAX_BYTES {
                self.next_line.push(byte);
            }
        }
    }

    fn judge(mut self, status: ExitStatus) -> Result<Secret, String> {
        self.take_errors(b"\n");
        let (why, gap) = match (status.code(), status.signal()) {
            (Some(0), _) => match self.find_password() {
                Ok(password) => return Ok(password),
                Err(why) => (why, ", on standard error: "),
            },
            (Some(code), _) => (format!("exit status {code}"), ": "),
            (None, signal) => (format!("ended by signal {}", signal.unwrap_or_default()), ": "),
        };
        Err(if self.last_line.is_empty() {
            why
        } else if self.is_cut {
            format!("{why} (its standard error is not shown: its output is too long to be masked there)")
        } else {
            format!("{why}{gap}{}", self.mask_last_line())
        })
    }

    fn find_password(&self) -> Result<Secret, String> {
        let line = self.start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let is_whole = line.len() < self.start.len() || !self.is_cut;
        if !is_whole || line.strip_suffix(b"\r").unwrap_or(line).len() > MAX_LENGTH {
            return Err(format!("its first line has more than {MAX_LENGTH} bytes"));
        }
        check_first_line(Zeroizing::new(line.to_vec()))
    }

    /// A command that fails may repeat on standard error the secret that it printed: each line of its output, and each word.
    fn mask_last_line(&self) -> String {
        let lines = self.start.split(|byte| matches!(byte, b'\r' | b'\n'));
        let words = self.start.split(u8::is_ascii_whitespace).filter(|word| word.len() >= MIN_WORD);
        Redactor::of_all("", lines.chain(words)).clean(&self.last_line)
    }
}

/// What has come through the pipe, which is closed at its end.
fn read_some<'a>(pipe: &mut Option<File>, buffer: &'a mut [u8]) -> &'a [u8] {
    let Some(file) = pipe else { return &[] };
    match file.read(buffer) {
        Ok(read) if read > 0 => buffer.get(..read).unwrap_or_default(),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => &[],
        Ok(_) | Err(_) => {
            *pipe = None;
            &[]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Instant;

    fn run(command: &str) -> Result<Vec<u8>, String> {
        read_password(command, &CommandGroup::default()).map(|password| password.expose().to_vec())
    }

    #[test]
    fn the_first_line_of_the_output_is_the_password() {
        for command in ["echo 'two  words '; echo more", "printf 'two  words '", "printf 'two  words \\r\\n'; cat"] {
            assert_eq!(run(command).unwrap(), b"two  words ", "{command}");
        }
        assert_eq!(
            run("head -c 4096 /dev/zero | tr '\\0' x; printf '\\r\\n'; yes | head -c 200000").unwrap().len(),
            4096
        );
    }

    #[test]
    fn a_command_that_fails_is_described_by_its_status_and_the_last_line_of_its_standard_error() {
        for (command, wanted) in [
            ("echo one >&2; printf 'two\\n\\n \\n' >&2; exit 3", "exit status 3: two"),
            ("exit 4", "exit status 4"),
            ("echo 'not \u{1b}[31m|so' >&2; exit 1", "exit status 1: not  [31m!so"),
            ("kill -9 $$", "ended by signal 9"),
            ("echo 'no agent' >&2; kill -15 $$", "ended by signal 15: no agent"),
            ("true", "its first line cannot be used: it is empty"),
            ("echo denied >&2", "its first line cannot be used: it is empty, on standard error: denied"),
            ("printf 'a\\0b'", "its first line cannot be used: it has a NUL or a line end, which IMAP cannot carry"),
            ("head -c 16385 /dev/zero | tr '\\0' x", "its first line has more than 16384 bytes"),
        ] {
            assert_eq!(run(command).unwrap_err(), wanted, "{command}");
        }
        let long = run("yes x | head -c 9000 | tr '\\n' y >&2; exit 1").unwrap_err();
        assert!(long.len() <= "exit status 1: ".len() + 200 && long.ends_with("xyx..."), "{long}");
    }

    #[test]
    fn nothing_of_the_output_is_shown_in_the_standard_error() {
        for (command, wanted) in [
            ("echo hunter2; echo 'bad hunter2!' >&2; exit 1", "exit status 1: bad ***!"),
            ("echo user joe; echo key hunter2; echo 'joe: hunter2' >&2; exit 1", "exit status 1: joe: ***"),
            ("printf hunter2; printf hunter2 | base64 >&2; exit 1", "exit status 1: ***=="),
            (
                "yes hunter2; echo hunter2 >&2; exit 1",
                "exit status 1 (its standard error is not shown: its output is too long to be masked there)",
            ),
        ] {
            assert_eq!(run(&command.replace("yes hunter2", "yes hunter2 | head -c 20000")).unwrap_err(), wanted);
        }
    }

    #[test]
    fn what_the_command_leaves_behind_is_ended_and_not_waited_for() {
        let begun = Instant::now();
        // One that has left the group holds the pipe open.
        for left in ["sleep 20.5 &", "setsid sleep 2.5 &", "yes >&2 &"] {
            assert_eq!(run(&format!("{left} echo secret")).unwrap(), b"secret", "{left}");
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }

    #[test]
    fn the_end_of_the_run_ends_the_command_and_starts_no_other() {
        let group = Arc::new(CommandGroup::default());
        let reader = thread::spawn({
            let group = Arc::clone(&group);
            move || read_password("sleep 30 & sleep 30; echo secret", &group).err()
        });
        while !matches!(*group.lock(), State::Running(_)) {
            thread::sleep(Duration::from_millis(1));
        }
        let begun = Instant::now();
        group.end();
        assert_eq!(reader.join().unwrap().unwrap(), "the run is over");
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(read_password("echo secret", &group).err().unwrap(), "the run is over");
    }
}
