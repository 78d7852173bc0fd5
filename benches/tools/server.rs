//! The private Dovecot as a server to measure against: processes kept ready, many mailboxes, what it costs itself.

use crate::dovecot::dovecot;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Ticks of `/proc/PID/stat`, on every Linux.
const TICKS: f64 = 100.0;

/// No check waits for a process to be started, and 500 at once find one.
pub fn keep_ready() {
    let configuration = folder().join("dovecot.conf");
    let mut file = OpenOptions::new().append(true).open(&configuration).unwrap();
    file.write_all(b"service imap {\n  process_min_avail = 8\n  process_limit = 1000\n}\n").unwrap();
    let reload = Command::new("dovecot")
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .arg("-c")
        .arg(configuration)
        .arg("reload")
        .status();
    assert!(reload.unwrap().success(), "dovecot reload");
    // Reloading has no end that one could see.
    thread::sleep(Duration::from_secs(1));
}

/// Empty mailboxes `M001`, `M002`, ...
pub fn add_mailboxes(user: &str, count: usize) -> Vec<String> {
    let home = dovecot().mail.join(user);
    let owner = fs::metadata(&home).unwrap();
    let make = |folder: &Path| {
        fs::create_dir(folder).unwrap();
        chown(folder, Some(owner.uid()), Some(owner.gid())).unwrap();
    };
    let names: Vec<String> = (1..=count).map(|number| format!("M{number:03}")).collect();
    for name in &names {
        let folder = home.join(format!(".{name}"));
        make(&folder);
        for part in ["cur", "new", "tmp"] {
            make(&folder.join(part));
        }
    }
    names
}

/// Seconds of CPU of all its processes so far.
pub fn cpu() -> f64 {
    let master = fs::read_to_string(folder().join("run/master.pid")).unwrap().trim().to_owned();
    let mut sum = 0.0;
    for process in fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(stat) = fs::read_to_string(process.join("stat")) else { continue };
        // Behind the name, which may have spaces in it.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let is_master = process.ends_with(&master);
        if is_master {
            // Of those that have ended.
            sum += fields[13..15].iter().map(|ticks| ticks.parse::<f64>().unwrap() / TICKS).sum::<f64>();
        }
        if is_master || fields[1] == master {
            let running = fs::read_to_string(process.join("schedstat")).unwrap_or_default();
            sum += running.split(' ').next().and_then(|time| time.parse::<f64>().ok()).unwrap_or(0.0) / 1e9;
        }
    }
    sum
}

/// In general terms.
pub fn machine() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown system");
    let told = Command::new("dovecot").env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").arg("--version").output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    format!(
        "{} cores, {}, {}, Dovecot {}",
        thread::available_parallelism().map_or(1, usize::from),
        system.trim_matches('"'),
        openssl::version::version(),
        told.split_whitespace().next().unwrap_or("of unknown version"),
    )
}

/// Where the fixture has everything.
fn folder() -> PathBuf {
    Path::new(&dovecot().ca_file).parent().unwrap().to_owned()
}
