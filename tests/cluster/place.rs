//! Master and two satellites in one zone, with the files that are shipped. Only the addresses of the machines, which are
//! all this one, and the interval are put in.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::daemon::Icinga;
use crate::dovecot::dovecot;
use crate::process::{self, Cpu};
use crate::real::project;

pub const SATELLITES: [&str; 2] = ["satellite1.example.org", "satellite2.example.org"];
/// Services of one host.
const SERVICES_OF_HOST: usize = 5;

/// Ends with this value, and all its processes.
pub struct Cluster {
    pub master: Icinga,
    pub satellites: [Icinga; 2],
}

/// A result of the plugin, as the master has it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When the check ended, in seconds of the clock.
    pub at: f64,
    /// When the master was seen to have it.
    pub came: f64,
    /// The machine that ran it.
    pub source: String,
    pub is_ok: bool,
}

impl Cluster {
    /// So many services, each checked every `interval`.
    pub fn start(services: usize, interval: Duration) -> Self {
        let master = Icinga::new("master.example.org");
        let satellites = SATELLITES.map(Icinga::new);
        master.make_ca();
        let zones = zones(&satellites);
        master.write("zones.conf", &zones);
        for satellite in &satellites {
            master.certify(satellite);
            satellite.write("zones.conf", &zones);
        }
        master.copy("icinga/imap_session.conf", "zones.d/global-templates");
        let rule = replace(
            &shipped("icinga2-services.conf"),
            "check_interval = 1m",
            &format!("check_interval = {}s", interval.as_secs()),
        );
        master.write("zones.d/global-templates/icinga2-services.conf", &rule);
        master.write("zones.d/satellites/hosts.conf", &hosts(services));
        // The master's own look at its cluster.
        master.write(
            "conf.d/cluster.conf",
            "object Host \"master.example.org\" { check_command = \"dummy\" }\n\
             object Service \"cluster\" {\n  host_name = \"master.example.org\"\n  check_command = \"cluster\"\n  \
             check_interval = 5s\n  retry_interval = 5s\n}\n",
        );
        let mut cluster = Self { master, satellites };
        cluster.satellites.iter_mut().for_each(Icinga::start);
        cluster.master.start();
        cluster
    }

    /// Processor time so far: of the master, then of the satellites.
    pub fn cpu(&self) -> [Cpu; 3] {
        let [first, second] = &self.satellites;
        [&self.master, first, second].map(|node| process::cpu(&node.path("")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in [&mut self.master].into_iter().chain(&mut self.satellites) {
            process::send("CONT", &node.path(""));
            node.stop();
            // Icinga's first process may have been killed before those that it had started.
            while process::send("KILL", &node.path("")) > 0 {
                sleep(Duration::from_millis(50));
            }
        }
    }
}

/// The last result of each service that has one of the plugin's. What Icinga says in its place is none.
pub fn results(master: &Icinga) -> BTreeMap<String, Seen> {
    let services = ask(master, "/v1/objects/services?attrs=name&attrs=last_check_result");
    let came = now();
    let results = services.iter().filter_map(|service| {
        let result = &service["attrs"]["last_check_result"];
        result["output"].as_str().filter(|output| output.starts_with("IMAP is "))?;
        let seen = Seen {
            at: result["execution_end"].as_f64()?,
            came,
            source: result["check_source"].as_str()?.to_owned(),
            is_ok: result["state"] == 0.0,
        };
        Some((service["name"].as_str()?.to_owned(), seen))
    });
    results.collect()
}

/// What the check `cluster` of the master says.
pub fn report(master: &Icinga) -> Option<String> {
    let services = ask(master, "/v1/objects/services/master.example.org!cluster?attrs=last_check_result");
    let output = services.first()?["attrs"]["last_check_result"]["output"].as_str()?;
    Some(output.lines().collect::<Vec<_>>().join(" "))
}

fn ask(master: &Icinga, what: &str) -> Vec<Value> {
    let answer = master.api("GET", what);
    answer.and_then(|answer| answer["results"].as_array().cloned()).unwrap_or_default()
}

/// The shipped zones, at the ports of these.
fn zones(satellites: &[Icinga; 2]) -> String {
    let at = |port: u16| format!("host = \"127.0.0.1\"\n  port = {port}");
    let [first, second] = satellites.each_ref().map(|satellite| at(satellite.port));
    let zones = replace(&shipped("icinga2-zones.conf"), "host = \"192.0.2.101\"", &first);
    let zones = replace(&zones, "host = \"192.0.2.102\"", &second);
    // There is no agent here.
    replace(&zones, "host = \"192.0.2.110\"", &at(1))
}

fn hosts(services: usize) -> String {
    let dovecot = dovecot();
    let entry = |number: usize| {
        format!(
            "  vars.imap_session[\"imap {number}\"] = {{\n    imap_session_username = \"ordinary\"\n    \
             imap_session_password_file = \"{}\"\n    imap_session_port = {}\n    imap_session_ca_file = \"{}\"\n  }}\n",
            dovecot.password_file("ordinary").display(),
            dovecot.imaps_port,
            dovecot.ca_file
        )
    };
    let host = |number: usize| {
        let first = number * SERVICES_OF_HOST;
        let entries: String = (first..services.min(first + SERVICES_OF_HOST)).map(entry).collect();
        format!(
            "object Host \"mail{number}.example.org\" {{\n  address = \"127.0.0.1\"\n  check_command = \"dummy\"\n\
             {entries}}}\n"
        )
    };
    (0..services.div_ceil(SERVICES_OF_HOST)).map(host).collect()
}

fn shipped(name: &str) -> String {
    fs::read_to_string(project("icinga/examples").join(name)).unwrap()
}

fn replace(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new)
}

/// The clock, in seconds.
pub fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}
