//! The processes of one Icinga, which are those that have its folder in their command line: the daemon's own, and the
//! plugin's runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Of the kernel's clock, in a second, on all that Linux runs on today.
const TICKS: f64 = 100.0;

/// Processor time in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// Of Icinga's own processes.
    pub icinga: f64,
    /// Of the checks that ended: all that Icinga's processes waited for, from the fork to the end.
    pub checks: f64,
}

/// Sends this signal to each process, and returns how many there were.
pub fn send(signal: &str, folder: &Path) -> usize {
    let processes = list(folder);
    for process in &processes {
        let number = process.file_name().unwrap();
        let _ = Command::new("kill").arg(format!("-{signal}")).arg(number).stderr(Stdio::null()).status();
    }
    processes.len()
}

pub fn cpu(folder: &Path) -> Cpu {
    let mut cpu = Cpu { icinga: 0.0, checks: 0.0 };
    for process in list(folder) {
        let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
        let Some((name, fields)) = stat.rsplit_once(')') else { continue };
        if !name.ends_with("(icinga2") {
            continue;
        }
        // The first one behind the name is field 3 of proc(5).
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let seconds = |field: usize| fields[field - 3].parse::<f64>().unwrap() / TICKS;
        cpu.icinga += seconds(14) + seconds(15);
        cpu.checks += seconds(16) + seconds(17);
    }
    cpu
}

impl Cpu {
    pub fn since(self, before: Self) -> Self {
        Self { icinga: self.icinga - before.icinga, checks: self.checks - before.checks }
    }
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let folder = folder.display().to_string();
    let has_folder = |process: &PathBuf| {
        let is_number = process.file_name().unwrap().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
        is_number
            && fs::read(process.join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&folder))
    };
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(has_folder).collect()
}
