//! The private Dovecot of `tests/dovecot.sh`, started once for the whole test binary and gone with it. Which address
//! serves what, that script says.
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Nothing drops a static. The script waits for the end of its standard input instead, which comes when this process
/// ends, however it ends; then it stops Dovecot and removes the folder.
static DOVECOT: OnceLock<Dovecot> = OnceLock::new();

pub struct Dovecot {
    /// STARTTLS, and logins in clear where the address allows them.
    pub imap_port: u16,
    /// Implicit TLS.
    pub imaps_port: u16,
    /// Accepts and says nothing.
    pub silent_port: u16,
    /// As `imap_port` and `imaps_port`, behind the header of a proxy.
    pub proxied_imap_port: u16,
    pub proxied_imaps_port: u16,
    /// Whether `::1` is there at all.
    pub ipv6: bool,
    pub ca_file: String,
    /// Maildirs, one folder per user.
    pub mail: PathBuf,
    passwords: PathBuf,
    tokens: PathBuf,
    log: PathBuf,
    _script: Child,
}

pub fn dovecot() -> &'static Dovecot {
    DOVECOT.get_or_init(Dovecot::start)
}

impl Dovecot {
    /// A file with this user's password in its first line.
    pub fn password_file(&self, user: &str) -> PathBuf {
        self.passwords.join(user)
    }

    pub fn password(&self, user: &str) -> String {
        let file = fs::read_to_string(self.password_file(user)).expect("the user has a password");
        file.trim_end_matches('\n').to_owned()
    }

    /// A file with this access token in its first line.
    pub fn token_file(&self, name: &str) -> PathBuf {
        self.tokens.join(name)
    }

    /// A file of those that it has made for itself.
    pub fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.ca_file).with_file_name(name)
    }

    /// Another client than the plugin, logged in.
    pub fn log_in(&self, user: &str) -> imap::Session<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.imap_port)).expect("Dovecot listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
        let mut client = imap::Client::new(stream);
        client.read_greeting().expect("a greeting");
        client.login(user, self.password(user)).map_err(|(error, _)| error).expect("the user can log in")
    }

    /// What Dovecot logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("Dovecot has a log")
    }

    /// One of one's own, for a test that no other one may disturb; gone with this value.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with these variables for the script.
    pub fn start_with(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        let mut script = Command::new("bash")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dovecot.sh"))
            .arg("serve")
            .arg(&folder)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash starts");
        let output = script.stdout.take().expect("standard output is a pipe");
        let lines: Vec<String> =
            BufReader::new(output).lines().map_while(Result::ok).take_while(|line| line != "READY").collect();
        let value = |key: &str| {
            let found = lines.iter().filter_map(|line| line.split_once('=')).find(|(k, _)| *k == key);
            found.expect("tests/dovecot.sh starts (its reason stands above)").1.to_owned()
        };
        let port = |key: &str| value(key).parse().expect("a port");
        Self {
            imap_port: port("IMAP_PORT"),
            imaps_port: port("IMAPS_PORT"),
            silent_port: port("SILENT_PORT"),
            proxied_imap_port: port("PROXIED_IMAP_PORT"),
            proxied_imaps_port: port("PROXIED_IMAPS_PORT"),
            ipv6: value("IPV6") == "yes",
            ca_file: value("CA_FILE"),
            mail: value("MAIL").into(),
            passwords: value("PASSWORDS").into(),
            tokens: value("TOKENS").into(),
            log: value("LOG").into(),
            _script: script,
        }
    }
}
