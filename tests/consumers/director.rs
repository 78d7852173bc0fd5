//! The basket in a real Director: a private database, `icingacli` with a configuration of its own, and a private
//! Icinga 2 that it deploys to and that runs the plugin against Dovecot.

use crate::database::Database;
use crate::real::{BINARY, Daemon, find, free_port, have, output, project, run, wait_for};
use crate::testkit::dovecot::dovecot;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BASKET: &str = "icinga/director/imap_session-basket.json";
const PASSWORD_FILE: &str = "icinga/director/imap_session-password.conf";
const MODULES: &str = "/usr/share/icingaweb2/modules";
/// Long, so that only a fault and no slow machine reaches it.
const LIMIT: Duration = Duration::from_secs(300);

const OK: &str = "0";
const WARNING: &str = "1";
const UNKNOWN: &str = "3";

/// One test, because the database and the Director's schema take most of the time.
#[test]
fn director_restores_the_basket_twice_and_deploys_services_that_run() {
    let module = format!("{MODULES}/director/module.info");
    if !have(&["icinga2", "icingacli", "mariadbd", "mariadb-install-db", "curl", &module]) {
        return;
    }
    let director = Director::start();

    let (first, changes) = director.restore();
    assert_eq!(first, expected_counts());
    let (second, changes_after) = director.restore();
    assert_eq!(second, first, "nothing is there twice");
    assert_eq!(changes_after, changes, "nothing was changed by the second time");

    let hidden = "SELECT f.varname FROM director_datafield f JOIN director_datafield_setting s ON s.datafield_id = f.id \
                  WHERE s.setting_name = 'visibility' AND s.setting_value = 'hidden'";
    assert_eq!(director.sql(hidden), "imap_session_password");

    director.create_services();
    director.deploy();
    assert!(director.rendered_command().contains(r#"command = [ PluginDir + "/check_imap_session" ]"#));

    // What needs no more than the basket.
    let all = director.result("all options", OK);
    assert!(text(&all).starts_with("IMAP is OK: localhost: login "), "{all}");
    assert!(text(&all).contains(", INBOX ") && text(&all).contains(" FLAGGED 0."), "{all}");
    let expected = [
        "--ipv4",
        "--tls starttls",
        "--tls-min 1.2",
        "--mailbox INBOX --mailbox Sent Items",
        "--limit login=5 --limit select:Sent Items=5",
        "--warning 5 --warning select.messages:INBOX=2:",
        "--examine",
        "--perfdata-u",
        "--textfile /",
        "--verbose --verbose",
    ];
    for option in expected {
        assert!(arguments(&all).contains(option), "{option} is not in {}", arguments(&all));
    }
    let last = " --operation examine:Archive --operation search:Archive?UNSEEN NOT FLAGGED --operation select:INBOX";
    assert!(arguments(&all).ends_with(last), "operations come behind all mailboxes: {}", arguments(&all));
    assert!(director.path("imap.prom").exists());
    assert!(!arguments(&all).contains("--no-verify"), "false is not passed: {}", arguments(&all));

    let few = director.result("hardly any", OK);
    let port = dovecot().imaps_port;
    let ca = &dovecot().ca_file;
    let file = dovecot().password_file("ordinary");
    // The first word is the program.
    let passed = arguments(&few).split_once(' ').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    assert_eq!(
        passed,
        format!(
            "--ca-file {ca} --hostname 127.0.0.1 --password-file {} --port {port} --username ordinary",
            file.display()
        ),
        "what is empty is left out"
    );

    let ini = director.result("ini", OK);
    assert!(arguments(&ini).contains("--extra-opts=imap@"), "{}", arguments(&ini));

    let warning = director.result("warning", WARNING);
    assert!(text(&warning).contains("(2 messages, warning below 10)"), "{warning}");

    // The password field has no effect before its file is there, and does no harm.
    let without = director.result("password", UNKNOWN);
    assert!(text(&without).contains("IMAP_SESSION_PASSWORD"), "{without}");

    director.install_password_file();
    let with = director.result("password", OK);
    let password = dovecot().password("nonascii");
    assert!(password.contains('$'), "the hard case");
    assert!(!with.to_string().contains(&password), "{with}");
    assert!(!arguments(&with).contains("assword"), "{}", arguments(&with));
}

fn text(result: &Value) -> &str {
    result["output"].as_str().unwrap_or_default()
}

/// The command line as Icinga's API tells it, in one text.
fn arguments(result: &Value) -> String {
    let words = result["command"].as_array().map(Vec::as_slice).unwrap_or_default();
    words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

/// What the basket itself has, in the order of [`Director::restore`].
fn expected_counts() -> String {
    let basket: Value = serde_json::from_str(&fs::read_to_string(project(BASKET)).unwrap()).unwrap();
    let count = |pointer: &str| match basket.pointer(pointer) {
        Some(Value::Object(map)) => map.len(),
        Some(Value::Array(list)) => list.len(),
        other => panic!("{pointer} is {other:?}"),
    };
    let lists = basket["DataList"].as_object().unwrap();
    let entries: usize = lists.values().map(|list| list["entries"].as_array().unwrap().len()).sum();
    [
        count("/Command"),
        count("/Command/imap_session/arguments"),
        count("/Datafield"),
        count("/DatafieldCategory"),
        count("/DataList"),
        entries,
        count("/ServiceTemplate"),
        count("/ServiceTemplate/imap_session/fields"),
    ]
    .map(|number| number.to_string())
    .join("\t")
}

/// Dropped in this order: Icinga 2, then the database, then their folder.
struct Director {
    api_port: u16,
    _icinga: Daemon,
    database: Database,
    folder: TempDir,
}

impl Director {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let api_port = free_port();
        let database = Database::start("director", "utf8_general_ci");
        write_configuration(folder.path(), api_port, database.port);
        let icinga = start_icinga(folder.path());
        let director = Self { api_port, _icinga: icinga, database, folder };
        director.cli(&["migration", "run"]);
        wait_for("Icinga 2 answers", LIMIT, || director.api("GET", "v1/status/IcingaApplication"));
        director.cli(&["kickstart", "run"]);
        director
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn cli(&self, arguments: &[&str]) -> String {
        run(Command::new("icingacli")
            .arg("director")
            .args(arguments)
            .env("ICINGAWEB_CONFIGDIR", self.path("icingaweb2")))
    }

    fn sql(&self, query: &str) -> String {
        self.database.ask(query)
    }

    /// Returns how many of each there are then, and how many changes the Director has logged.
    fn restore(&self) -> (String, String) {
        run(Command::new("sh")
            .args(["-c", "icingacli director basket restore <\"$1\"", "sh"])
            .arg(project(BASKET))
            .env("ICINGAWEB_CONFIGDIR", self.path("icingaweb2")));
        let counts = "SELECT (SELECT COUNT(*) FROM icinga_command WHERE object_type = 'object'), \
             (SELECT COUNT(*) FROM icinga_command_argument a JOIN icinga_command c ON c.id = a.command_id \
                 WHERE c.object_name = 'imap_session'), \
             (SELECT COUNT(*) FROM director_datafield), (SELECT COUNT(*) FROM director_datafield_category), \
             (SELECT COUNT(*) FROM director_datalist), (SELECT COUNT(*) FROM director_datalist_entry), \
             (SELECT COUNT(*) FROM icinga_service), (SELECT COUNT(*) FROM icinga_service_field)";
        (self.sql(counts), self.sql("SELECT COUNT(*) FROM director_activity_log"))
    }

    fn create_services(&self) {
        let dovecot = dovecot();
        let host = json!({ "address": "127.0.0.1", "check_command": "dummy" });
        self.cli(&["host", "create", "imap", "--json", &host.to_string()]);

        let ini = self.path("plugins.ini");
        let file = dovecot.password_file("ordinary");
        fs::write(&ini, format!("[imap]\nusername = ordinary\npassword-file = {}\n", file.display())).unwrap();

        let service = |name: &str, own: Value| {
            let mut vars = json!({ "imap_session_port": dovecot.imaps_port, "imap_session_ca_file": dovecot.ca_file });
            vars.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            let service = json!({ "imports": ["imap_session"], "host": "imap", "check_interval": "1s",
                "retry_interval": "1s", "vars": vars });
            self.cli(&["service", "create", name, "--json", &service.to_string()]);
        };
        service("hardly any", json!({ "imap_session_username": "ordinary", "imap_session_password_file": file }));
        service("ini", json!({ "imap_session_extra_opts": format!("imap@{}", ini.display()) }));
        service(
            "warning",
            json!({ "imap_session_username": "ordinary", "imap_session_password_file": file,
                "imap_session_warning": ["select.messages:INBOX=10:"] }),
        );
        // A $ is a macro's in Icinga.
        let password = dovecot.password("nonascii").replace('$', "$$");
        service("password", json!({ "imap_session_username": "nonascii", "imap_session_password": password }));
        service(
            "all options",
            json!({
                "imap_session_username": "ordinary", "imap_session_password_file": file,
                "imap_session_hostname": "localhost", "imap_session_ipv4": true, "imap_session_no_verify": false,
                "imap_session_tls": "starttls", "imap_session_port": dovecot.imap_port, "imap_session_tls_min": "1.2",
                "imap_session_mailbox": ["INBOX", "Sent Items"], "imap_session_examine": true,
                "imap_session_operation": ["examine:Archive", "search:Archive?UNSEEN NOT FLAGGED", "select:INBOX"],
                "imap_session_limit": ["login=5", "select:Sent Items=5"], "imap_session_verbose": 2,
                "imap_session_warning": ["5", "select.messages:INBOX=2:"], "imap_session_perfdata_u": true,
                "imap_session_textfile": self.path("imap.prom"),
            }),
        );
    }

    fn deploy(&self) {
        let answer = self.cli(&["config", "deploy"]);
        assert!(answer.contains("has been deployed"), "{answer}");
    }

    /// As it was deployed to Icinga 2.
    fn rendered_command(&self) -> String {
        let stages = self.path("data/api/packages/director");
        let files = run(Command::new("find").arg(stages).args(["-name", "commands.conf"]));
        fs::read_to_string(files.lines().next().expect("the Director deployed commands.conf")).unwrap()
    }

    fn install_password_file(&self) {
        let folder = self.path("zones.d/director-global");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(project(PASSWORD_FILE), folder.join("imap_session-password.conf")).unwrap();
        self.api("POST", "v1/actions/restart-process").expect("Icinga 2 restarts");
    }

    /// The result of the service's check once that has this state.
    fn result(&self, service: &str, state: &str) -> Value {
        let path = format!("v1/objects/services/imap!{}?attrs=last_check_result", service.replace(' ', "%20"));
        let begun = Instant::now();
        loop {
            let answer: Value =
                self.api("GET", &path).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            let result = answer.pointer("/results/0/attrs/last_check_result").cloned().unwrap_or_default();
            if result["state"].to_string().trim_end_matches(".0") == state {
                return result;
            }
            assert!(begun.elapsed() < LIMIT, "service {service} has not state {state} but: {result}\n{}", self.log());
            sleep(Duration::from_millis(200));
        }
    }

    /// The answer, unless Icinga 2 is not there (yet) or refuses.
    fn api(&self, method: &str, path: &str) -> Option<String> {
        let url = format!("https://127.0.0.1:{}/{path}", self.api_port);
        let options = ["-sfk", "-m", "10", "-u", "director:director", "-H", "Accept: application/json", "-X", method];
        let answer = output(Command::new("curl").args(options).arg(url));
        answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).into_owned())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("icinga2.log")).unwrap_or_default()
    }
}

/// All that is written before anything starts; the database has none.
fn write_configuration(folder: &Path, api_port: u16, database_port: u16) {
    let write = |name: &str, text: String| {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    for made in ["data/certs", "cache", "log", "run", "spool", "zones.d", "icingaweb2/enabledModules"] {
        fs::create_dir_all(folder.join(made)).unwrap();
    }

    write("icingaweb2/config.ini", "[global]\nconfig_backend = \"none\"\n[logging]\nlog = \"none\"\n".to_owned());
    write(
        "icingaweb2/resources.ini",
        format!(
            "[director]\ntype = \"db\"\ndb = \"mysql\"\nhost = \"127.0.0.1\"\nport = \"{database_port}\"\n\
             dbname = \"director\"\nusername = \"director\"\npassword = \"director\"\ncharset = \"utf8\"\n"
        ),
    );
    write("icingaweb2/modules/director/config.ini", "[db]\nresource = \"director\"\n".to_owned());
    write(
        "icingaweb2/modules/director/kickstart.ini",
        format!(
            "[config]\nendpoint = \"master\"\nhost = \"127.0.0.1\"\nport = {api_port}\nusername = \"director\"\n\
             password = \"director\"\n"
        ),
    );
    for module in ["director", "incubator", "reactbundle"] {
        symlink(format!("{MODULES}/{module}"), folder.join("icingaweb2/enabledModules").join(module)).unwrap();
    }

    let plugins = Path::new(BINARY).parent().unwrap().display();
    write(
        "icinga2.conf",
        format!(
            r#"const PluginDir = "{plugins}"
const NodeName = "master"
const ZoneName = NodeName
include <itl>
object Endpoint NodeName {{ host = "127.0.0.1"; port = {api_port} }}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object Zone "director-global" {{ global = true }}
object ApiListener "api" {{ bind_host = "127.0.0.1"; bind_port = {api_port} }}
object ApiUser "director" {{ password = "director"; permissions = [ "*" ] }}
object CheckerComponent "checker" {{ }}
include_zones "etc", "{folder}/zones.d"
"#,
            folder = folder.display()
        ),
    );
}

fn start_icinga(folder: &Path) -> Daemon {
    let certs = folder.join("data/certs");
    let file = |name: &str| certs.join(name).display().to_string();
    let (key, request, certificate) = (file("master.key"), file("master.csr"), file("master.crt"));
    run(&mut icinga2(folder, &["pki", "new-ca"]));
    run(&mut icinga2(folder, &["pki", "new-cert", "--cn", "master", "--key", &key, "--csr", &request]));
    run(&mut icinga2(folder, &["pki", "sign-csr", "--csr", &request, "--cert", &certificate]));
    fs::copy(folder.join("data/ca/ca.crt"), certs.join("ca.crt")).unwrap();
    let main = folder.join("icinga2.conf").display().to_string();
    Daemon::start(&mut icinga2(folder, &["daemon", "-c", &main]), &folder.join("icinga2.log"))
}

/// As this user, and with all that it writes in the folder.
fn icinga2(folder: &Path, arguments: &[&str]) -> Command {
    let id = |option: &str| run(Command::new("id").arg(option)).trim().to_owned();
    let mut command = Command::new(find("icinga2").expect("icinga2 is installed"));
    // It takes definitions only behind what it is to do.
    command.args(arguments).arg(format!("-DRunAsUser={}", id("-un"))).arg(format!("-DRunAsGroup={}", id("-gn")));
    for (name, sub) in
        [("DataDir", "data"), ("CacheDir", "cache"), ("LogDir", "log"), ("InitRunDir", "run"), ("SpoolDir", "spool")]
    {
        command.arg(format!("-D{name}={}", folder.join(sub).display()));
    }
    command.env_remove("IMAP_SESSION_PASSWORD");
    command
}
