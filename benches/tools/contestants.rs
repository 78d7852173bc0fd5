//! What is compared: the programs, each with what makes it log in and open INBOX, as far as it can.

use crate::dovecot::dovecot;
use crate::measure::{Program, find, project};
use crate::trust::SystemTrust;
use std::path::{Path, PathBuf};

pub const USER: &str = "ordinary";
pub const OURS: &str = "check_imap_session";
/// The same program with AWS-LC inside.
pub const PORTABLE: &str = "check_imap_session, portable";
pub const BARE: &str = "bare openssl program";
/// Greeting, LOGIN and SELECT sent without reading in between; certificates are not verified.
pub const BLIND: &str = "check_imap, LOGIN and SELECT blind";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Implicit,
    StartTls,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// One CA file.
    File,
    /// What each program takes by default.
    System,
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }

    pub fn port(self) -> u16 {
        if self == Self::Implicit { dovecot().imaps_port } else { dovecot().imap_port }
    }
}

/// The programs that can do this at all, ours first and the bare one last. They have time enough to be run under valgrind
/// on a busy machine.
pub fn programs(mode: Mode, trust: Trust, system: &SystemTrust, port: u16) -> Vec<Program> {
    let has_tls = mode != Mode::None;
    let port = port.to_string();
    let password = dovecot().password(USER);
    let ca_file = if has_tls && trust == Trust::File { dovecot().ca_file.as_str() } else { "" };
    let (directory, bundle) = (system.directory().to_string_lossy(), system.bundle());
    let mut env = vec![("IMAP_SESSION_PASSWORD", password.as_str())];
    if trust == Trust::System {
        env.extend([("SSL_CERT_DIR", &*directory), ("SSL_CERT_FILE", bundle.to_str().unwrap())]);
    }
    let program = |name: &str, file: &str, arguments: &[&[&str]]| {
        let file = find(file).map_or_else(|| file.to_owned(), |file| file.to_string_lossy().into_owned());
        Program::new(name, &[&[file.as_str()], arguments.concat().as_slice()].concat(), &env)
    };
    let only = |needed: bool, arguments: &'static [&'static str]| if needed { arguments } else { &[] };

    let ours = env!("CARGO_BIN_EXE_check_imap_session");
    let trusted = ["--ca-file", ca_file];
    let trusted = if ca_file.is_empty() { &[] } else { &trusted[..] };
    let ours_as = |name, file| {
        let arguments = ["-H", "localhost", "-p", &port, "--tls", mode.word(), "-u", USER, "-t", "100"];
        program(name, file, &[&arguments, trusted])
    };
    let mut all = vec![ours_as(OURS, ours)];
    // `make bench` builds it and says where it is.
    if let Ok(portable) = std::env::var("PORTABLE_BINARY") {
        all.push(ours_as(PORTABLE, &portable));
    }
    if mode != Mode::StartTls {
        let implicit = only(has_tls, &["-S"]);
        let place = ["-H", "localhost", "-p", &port, "-t", "100"];
        let commands = format!("a1 LOGIN {USER} {password}\\r\\na2 SELECT INBOX\\r\\n");
        let blind = ["-E", "-s", &commands, "-e", "a2 OK"];
        all.push(program("check_imap, greeting only", "check_imap", &[&place, implicit]));
        all.push(program(BLIND, "check_imap", &[&place, implicit, &blind]));

        let plugin = find("check_imap_receive").map_or_else(String::new, |file| file.to_string_lossy().into_owned());
        let account = [&plugin, "-H", "localhost", "-p", &port, "-U", USER, "-P", &password, "-t", "100"];
        // Without a search it opens the mailbox once.
        let select = ["--imap-retries", "0", "-s", "ALL", "--search-critical-min", "0", "--search-warning-min", "0"];
        let trusted = ["--ssl-ca-file", ca_file];
        let trusted = if ca_file.is_empty() { &[] } else { &trusted[..] };
        let arguments = [&account[..], &select, &["--nodelete"], only(has_tls, &["--ssl"]), trusted];
        all.push(program("check_imap_receive (Perl)", "perl", &arguments));
    }
    let scheme = if mode == Mode::Implicit { "imaps" } else { "imap" };
    let url = format!("{scheme}://localhost:{port}/");
    let account = format!("{USER}:{password}");
    let trusted = ["--cacert", ca_file];
    let trusted = if ca_file.is_empty() { &[] } else { &trusted[..] };
    let upgrade = only(mode == Mode::StartTls, &["--ssl-reqd"]);
    all.push(program("curl", "curl", &[&["-s", "-S", "-u", &account, &url, "-X", "SELECT INBOX"], upgrade, trusted]));
    let script = project("benches/programs/imaplib_check.py");
    let script = script.to_str().unwrap();
    all.push(program(
        "imaplib, signal.setitimer (Python)",
        "python3",
        &[&[script, mode.word(), "localhost", &port, ca_file, USER]],
    ));
    let trusted = if trust == Trust::File { dovecot().ca_file.as_str() } else { &directory };
    all.push(program(BARE, bare().to_str().unwrap(), &[&[mode.word(), "localhost", &port, trusted, USER]]));
    all
}

/// Built by `cargo test`, and by `cargo build --examples`.
pub fn bare() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_check_imap_session")).with_file_name("examples").join("bare")
}
