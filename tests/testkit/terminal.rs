//! Runs the plugin on a pseudo-terminal that is its controlling terminal, as at a shell: it has a size, which may change,
//! and Ctrl-C.
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::plugin::Plugin;
use super::screen::{Screen, Size};

/// After this time the plugin is killed and the test fails.
const BOUND: Duration = Duration::from_secs(90);

/// A run on a terminal.
pub struct Terminal {
    keyboard: File,
    plugin: Child,
    shown: Arc<Mutex<Shown>>,
    reader: Option<JoinHandle<()>>,
    start: Instant,
}

/// What a run left behind on its terminal.
pub struct Shown {
    pub screen: Screen,
    /// All that was written, sequences included.
    pub bytes: Vec<u8>,
    /// How many of the bytes are on the screen.
    read: usize,
    pub code: Option<i32>,
    /// Whether the terminal shows what is typed.
    pub echoes: bool,
}

impl Terminal {
    pub fn begin(plugin: &Plugin, size: Size) -> Self {
        Self::begin_unsized(plugin, size, size)
    }

    /// The plugin is told another size than that of the screen.
    pub fn begin_unsized(plugin: &Plugin, told: Size, size: Size) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).expect("a pseudo-terminal");
        unlockpt(&keyboard).unwrap();
        tell_size(&keyboard, told);
        let inside = ioctl_tiocgptpeer(&keyboard, flags).unwrap();
        let copy = || Stdio::from(inside.try_clone().unwrap());
        let start = Instant::now();
        let launched = plugin.command(&["setsid", "--ctty"]).stdin(copy()).stdout(copy()).stderr(copy()).spawn();
        drop(inside);
        let shown = Shown { screen: Screen::new(size), bytes: Vec::new(), read: 0, code: None, echoes: true };
        let shown = Arc::new(Mutex::new(shown));
        let keyboard = File::from(keyboard);
        let (mut output, taken) = (keyboard.try_clone().unwrap(), Arc::clone(&shown));
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Once the plugin has ended, there comes an error (EIO).
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                taken.lock().unwrap().take(&bytes[..length]);
            }
        });
        Self { keyboard, plugin: launched.expect("setsid is there"), shown, reader: Some(reader), start }
    }

    /// Waits until the screen is as wanted.
    pub fn wait_until(&mut self, is_wanted: impl Fn(&Screen) -> bool) {
        while !is_wanted(&self.shown.lock().expect("the screen understands all").screen) {
            self.check_time();
            assert!(self.plugin.try_wait().unwrap().is_none(), "the plugin has ended: {:#?}", self.shown);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for one more picture.
    pub fn wait_for_picture(&mut self) {
        let seen = self.shown.lock().unwrap().screen.pictures.len();
        self.wait_until(|screen| screen.pictures.len() > seen);
    }

    pub fn resize(&mut self, size: Size) {
        let mut shown = self.shown.lock().unwrap();
        shown.screen.resize(size);
        tell_size(&self.keyboard, size);
    }

    pub fn press_ctrl_c(&mut self) {
        self.type_keys("\x03");
    }

    pub fn type_keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    pub fn send_signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.plugin.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh is there").success());
    }

    /// Whether the terminal shows what is typed.
    pub fn echoes(&self) -> bool {
        tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end of the plugin.
    pub fn finish(mut self) -> Shown {
        let status = loop {
            if let Some(status) = self.plugin.try_wait().unwrap() {
                break status;
            }
            self.check_time();
            thread::sleep(Duration::from_millis(5));
        };
        let echoes = self.echoes();
        self.reader.take().unwrap().join().expect("the screen understands all");
        let shown = Arc::into_inner(self.shown).unwrap();
        let shown = shown.into_inner().unwrap();
        assert_eq!(shown.read, shown.bytes.len(), "half a sequence: {shown:#?}");
        Shown { code: status.code(), echoes, ..shown }
    }

    fn check_time(&mut self) {
        if self.start.elapsed() > BOUND {
            self.plugin.kill().ok();
            self.plugin.wait().ok();
            panic!("still running after {BOUND:?}: {:#?}", self.shown);
        }
    }
}

impl Shown {
    fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.read += self.screen.read(&self.bytes[self.read..]);
    }
}

fn tell_size(terminal: impl AsFd, size: Size) {
    let size = Winsize { ws_col: size.columns, ws_row: size.lines, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {:?}\n{:?}", self.code, self.screen)
    }
}
