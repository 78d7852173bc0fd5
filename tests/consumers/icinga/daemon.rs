//! An Icinga 2 of a test's own, with everything it reads and writes in one folder, and what its API tells.

use crate::real::{BINARY, Daemon, find, free_port, output, project, run, wait_for};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;

/// Long, so that only a fault and no slow machine reaches it.
pub const LIMIT: Duration = Duration::from_secs(300);

/// Ends with this value.
pub struct Icinga {
    /// The first to be dropped.
    daemon: Option<Daemon>,
    folder: TempDir,
    name: String,
    /// Of its API.
    pub port: u16,
    /// Whom it runs as.
    user: String,
    group: String,
}

/// What Icinga made of a check.
#[derive(Debug)]
pub struct CheckResult {
    pub state: u64,
    pub output: String,
    pub perfdata: Vec<String>,
    pub command: Vec<String>,
    pub check_source: String,
    pub json: String,
}

impl CheckResult {
    /// Whether this is in the perfdata as it stands there, up to semicolons at its end.
    pub fn has(&self, item: &str) -> bool {
        self.perfdata.iter().any(|got| got.trim_end_matches(';') == item)
    }
}

impl Icinga {
    /// All but its zones and what a test adds to conf.d and zones.d.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("icinga-").tempdir().unwrap();
        for sub in
            ["etc/conf.d", "etc/features", "etc/zones.d", "data/certs", "cache", "log", "run", "spool", "plugins"]
        {
            fs::create_dir_all(folder.path().join(sub)).unwrap();
        }
        let id = |what: &str| run(Command::new("id").arg(what)).trim().to_owned();
        // Started by root it runs as another user, who must be able to write here.
        let (user, group) =
            if id("-u") == "0" { ("nagios".to_owned(), "nagios".to_owned()) } else { (id("-un"), id("-gn")) };
        let icinga = Self { name: name.to_owned(), folder, port: free_port(), user, group, daemon: None };
        fs::copy(BINARY, icinga.path("plugins/check_imap_session")).unwrap();
        fs::write(icinga.path("plugins.ini"), "[imap]\nmailbox = Empty\n[check_imap_session]\nmailbox = Empty\n")
            .unwrap();
        icinga.write("icinga2.conf", &icinga.main_file());
        icinga
    }

    /// What Debian's icinga2.conf includes, and the features that the tests need.
    fn main_file(&self) -> String {
        let includes = ["itl", "plugins", "plugins-contrib", "manubulon", "windows-plugins", "nscp"];
        let includes: String = includes.map(|include| format!("include <{include}>\n")).concat();
        format!(
            r#"const PluginDir = "{plugins}"
const PluginContribDir = PluginDir
const ManubulonPluginDir = PluginDir
const NodeName = "{name}"
const ZoneName = NodeName
include "zones.conf"
{includes}object CheckerComponent "checker" {{ }}
object FileLogger "warnings" {{
  severity = "warning"
  path = "{log}"
}}
include_recursive "features"
include_recursive "conf.d"
"#,
            plugins = self.path("plugins").display(),
            name = self.name,
            log = self.path("log/icinga2.log").display(),
        )
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file of its configuration.
    pub fn write(&self, path: &str, text: &str) {
        let file = self.path("etc").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Copies a file of the project, unedited, into a folder of its configuration.
    pub fn copy(&self, from: &str, folder: &str) {
        let folder = self.path("etc").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(project(from), folder.join(Path::new(from).file_name().unwrap())).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path("etc").join(from), self.path("etc").join(to)).unwrap();
    }

    fn own(&self) {
        if self.user == "nagios" {
            run(Command::new("chown").arg("-R").arg("nagios:nagios").arg(self.folder.path()));
        }
    }

    /// A CA of its own, and a certificate for itself.
    pub fn make_ca(&self) {
        self.own();
        self.pki(&["new-ca"]);
        self.certify(self);
    }

    /// A certificate from its CA.
    pub fn certify(&self, other: &Self) {
        other.own();
        let place = |end: &str| other.path("data/certs").join(format!("{}.{end}", other.name)).display().to_string();
        let (key, csr, cert) = (place("key"), place("csr"), place("crt"));
        other.pki(&["new-cert", "--cn", &other.name, "--key", &key, "--csr", &csr]);
        self.pki(&["sign-csr", "--csr", &csr, "--cert", &cert]);
        fs::copy(self.path("data/ca/ca.crt"), other.path("data/certs/ca.crt")).unwrap();
    }

    fn pki(&self, arguments: &[&str]) {
        run(self.command().arg("pki").args(arguments).args(self.defines()));
    }

    fn command(&self) -> Command {
        let mut command = Command::new(find("icinga2").unwrap());
        // What a service of the system would not have.
        command.current_dir("/").env_remove("HOME").env_remove("IMAP_SESSION_PASSWORD");
        command.env("MP_CONFIG_FILE", self.path("plugins.ini"));
        command
    }

    fn defines(&self) -> Vec<String> {
        let folders = [
            ("ConfigDir", "etc"),
            ("ZonesDir", "etc/zones.d"),
            ("DataDir", "data"),
            ("CacheDir", "cache"),
            ("LogDir", "log"),
            ("InitRunDir", "run"),
            ("SpoolDir", "spool"),
        ];
        let folders = folders.map(|(name, sub)| format!("-D{name}={}", self.path(sub).display()));
        let users = [format!("-DRunAsUser={}", self.user), format!("-DRunAsGroup={}", self.group)];
        folders.into_iter().chain(users).collect()
    }

    fn daemon(&self) -> Command {
        self.own();
        let mut command = self.command();
        command.arg("daemon").arg("-c").arg(self.path("etc/icinga2.conf")).args(self.defines());
        command
    }

    /// Panics where the configuration is not valid, or a warning is printed.
    pub fn validate(&self) -> String {
        let valid = run(self.daemon().arg("-C"));
        let remarks: Vec<&str> =
            valid.lines().filter(|line| line.contains("] warning/") || line.contains("] critical/")).collect();
        assert!(remarks.is_empty(), "{remarks:#?}");
        valid
    }

    /// What is printed where the configuration is not valid; panics where it is.
    pub fn refusal(&self) -> String {
        let Output { status, stdout, stderr } = output(self.daemon().arg("-C"));
        let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        assert!(!status.success(), "{text}");
        text
    }

    /// Starts and waits for the API.
    pub fn start(&mut self) {
        if !self.path("data/certs/ca.crt").exists() {
            self.make_ca();
        }
        let api = format!(
            "object ApiListener \"api\" {{\n  bind_host = \"127.0.0.1\"\n  bind_port = {}\n  accept_config = true\n  \
             accept_commands = true\n}}\n\
             object ApiUser \"test\" {{\n  password = \"test\"\n  permissions = [ \"*\" ]\n}}\n",
            self.port
        );
        self.write("features/api.conf", &api);
        self.validate();
        let log = self.path("log/console.log");
        let mut command = self.daemon();
        self.daemon = Some(Daemon::start(&mut command, &log));
        wait_for(&format!("an answer of Icinga's API, log in {}", log.display()), LIMIT, || {
            self.api("GET", "/v1/status/IcingaApplication")
        });
    }

    /// Ends it, and keeps all that it wrote.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// Ends it; all that it logged as a warning or worse.
    pub fn end(mut self) -> String {
        self.stop();
        fs::read_to_string(self.path("log/icinga2.log")).unwrap()
    }

    /// An answer of its API, if there is one.
    pub fn api(&self, method: &str, what: &str) -> Option<Value> {
        let mut curl = Command::new("curl");
        curl.args(["-sSgk", "--max-time", "30", "--user", "test:test", "-H", "Accept: application/json", "-X", method]);
        let answer = output(curl.arg(format!("https://127.0.0.1:{}{what}", self.port)));
        serde_json::from_slice(&answer.stdout).ok()
    }

    /// Runs all checks, now.
    pub fn check_now(&self) {
        let answer = self.api("POST", "/v1/actions/reschedule-check?type=Service&filter=true&force=true");
        assert!(answer.is_some_and(|answer| answer["results"][0]["code"] == 200.0), "reschedule-check");
    }

    /// The last result of this service, once there is one.
    pub fn result(&self, service: &str) -> CheckResult {
        wait_for(&format!("a result of {service}"), LIMIT, || self.last(service))
    }

    pub fn last(&self, service: &str) -> Option<CheckResult> {
        let services = self.api("GET", "/v1/objects/services?attrs=name&attrs=last_check_result")?;
        let all = services["results"].as_array()?;
        let service = all.iter().find(|object| object["attrs"]["name"] == service).expect("the service is there");
        let result = &service["attrs"]["last_check_result"];
        let texts = |value: &Value| -> Vec<String> {
            let texts = value.as_array().into_iter().flatten();
            texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        result.is_object().then(|| CheckResult {
            state: result["state"].as_u64().expect("0 to 3"),
            output: text(&result["output"]),
            perfdata: texts(&result["performance_data"]),
            command: texts(&result["command"]),
            check_source: text(&result["check_source"]),
            json: result.to_string(),
        })
    }
}
