//! The templates in a real Zabbix server, which takes them through its API and runs the plugin by a real agent and itself;
//! and the line for the agent in both agents. All of it is private: database, server, frontend and agents.

use crate::database::Database;
use crate::real::{BINARY, Daemon, find, free_port, have, output, project, run, wait_for};
use crate::testkit::dovecot::dovecot;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const AGENT_FILE: &str = "icinga/examples/zabbix-agent.conf";
const INI_FILE: &str = "icinga/examples/zabbix-imap-session.ini";
const TEMPLATES: [(&str, &str); 2] = [
    ("IMAP session by Zabbix agent", "icinga/examples/zabbix-template-agent.yaml"),
    ("IMAP session by external check", "icinga/examples/zabbix-template-external.yaml"),
];
const SCHEMA: &str = "/usr/share/zabbix-server-mysql/schema.sql.gz";
const DATA: &str = "/usr/share/zabbix-server-mysql/data.sql.gz";
const FRONTEND: &str = "/usr/share/zabbix";
/// Long, so that only a fault and no slow machine reaches it.
const LIMIT: Duration = Duration::from_secs(120);

/// Each character has a meaning for the shell, for keys, macros or paths of Zabbix, or for JSON.
const AWKWARD: &str = r#"INBOX?UNSEEN SUBJECT "it's \\ {#X} {$Y}, ]""#;

#[test]
fn both_agents_run_the_line_of_the_example() {
    for (program, is_second) in [("zabbix_agentd", false), ("zabbix_agent2", true)] {
        if !have(&[program, "zabbix_get"]) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::start(folder.path(), program, is_second);

        let good = agent.ask("imap.session[good,8]");
        let good: Value = serde_json::from_str(&good).unwrap_or_else(|why| panic!("{program}: {why}: {good}"));
        assert_eq!((&good["state"], &good["limit"]), (&json!("OK"), &json!(8.0)), "{program}: {good}");
        let phases = good["phases"].as_array().unwrap();
        let targets: Vec<&str> = phases.iter().filter_map(|phase| phase["target"].as_str()).collect();
        assert_eq!(targets, ["Sent Items", "Entwürfe", "INBOX", AWKWARD, "Archive", "Arch*"], "{program}");

        // A state other than OK is no fault of the agent's.
        let refused: Value = serde_json::from_str(&agent.ask("imap.session[refused,8]")).expect(program);
        assert_eq!(refused["state"], "CRITICAL", "{program}: {refused}");
        let silent: Value = serde_json::from_str(&agent.ask("imap.session[silent,1]")).expect(program);
        assert_eq!((&silent["timed_out"], &silent["limit"]), (&json!(true), &json!(1.0)), "{program}: {silent}");

        for (key, words) in [
            ("imap.session[nowhere,8]", "IMAP is UNKNOWN: --extra-opts: "),
            ("imap.session", "IMAP is UNKNOWN: "),
            ("imap.session[good,8 --no-verify]", "IMAP is UNKNOWN: --timeout: "),
            // Another file than that of the agent's administrator.
            ("imap.session[good@/etc/passwd,8]", "ZBX_NOTSUPPORTED"),
            ("imap.session[\"good\\\"\",8]", "ZBX_NOTSUPPORTED"),
        ] {
            let answer = agent.ask(key);
            assert!(answer.starts_with(words), "{program}: {key}: {answer}");
        }
    }
}

/// The sections that people copy are understood, with the account of the tests.
#[test]
fn sections_of_the_example_run() {
    if !have(&["zabbix_agentd", "zabbix_get"]) {
        return;
    }
    let server = dovecot();
    let address = format!("127.0.0.1\nport = {}\nca-file = {}", server.imaps_port, server.ca_file);
    let mut text = fs::read_to_string(project(INI_FILE)).unwrap();
    for (theirs, ours) in [
        ("imap.example.org", address.as_str()),
        ("username = monitor", "username = limited"),
        ("/etc/zabbix/imap-monitor.password", &server.password_file("limited").display().to_string()),
    ] {
        assert!(text.contains(theirs), "{INI_FILE} has no {theirs} any more");
        text = text.replace(theirs, ours);
    }
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), "zabbix_agentd", false);
    fs::write(agent.folder.join("imap-session.ini"), &text).unwrap();
    let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')).collect();
    assert_eq!(sections, ["imap", "imap-mailboxes", "imap-operations"]);
    for section in sections {
        let answer = agent.ask(&format!("imap.session[{section},8]"));
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|why| panic!("{section}: {why}: {answer}"));
        assert_eq!(
            answer["phases"].as_array().unwrap().iter().find(|phase| phase["phase"] == "login").unwrap()["outcome"],
            "ok"
        );
    }
}

/// One test, because all hosts are checked side by side, and the longest wait is that for missing data.
#[test]
fn server_takes_the_templates_and_reports_each_fault_once() {
    let programs = ["zabbix_server", "zabbix_agentd", "zabbix_get", "php", "curl", "mariadbd", "mariadb-install-db"];
    if !have(&programs) || !have(&[SCHEMA, DATA, &format!("{FRONTEND}/api_jsonrpc.php")]) {
        return;
    }
    let zabbix = Zabbix::start();
    for (_, file) in TEMPLATES {
        zabbix.import(file);
    }
    let before = zabbix.count_objects();
    for (_, file) in TEMPLATES {
        zabbix.import(file);
    }
    assert_eq!(zabbix.count_objects(), before, "nothing is there twice");

    let [(by_agent, _), (by_server, _)] = TEMPLATES;
    let port = zabbix.agent.port;
    let none: [(&str, &str); 0] = [];
    let good = zabbix.create_host("good", by_agent, "good", port, &none);
    let external = zabbix.create_host("external", by_server, "good", port, &none);
    let limits = [("{$IMAP_SESSION.QUOTA.MAX}", "1"), ("{$IMAP_SESSION.SLOW:\"login\"}", "0")];
    let limited = zabbix.create_host("limited", by_agent, "limited", port, &limits);
    let short = [("{$IMAP_SESSION.NODATA}", "30s")];
    let gone = zabbix.create_host("gone", by_agent, "good", free_port(), &short);
    let faulty: Vec<(&str, String)> = ["refused", "silent", "certificate", "warning", "nowhere"]
        .map(|section| (section, zabbix.create_host(section, by_agent, section, port, &none)))
        .into();

    for host in [&good, &external] {
        zabbix.wait_for_values(host, &expect_values());
    }
    let quota = [("imap.session.phase.quota.messages[quota]", "10"), ("imap.session.state", "0")];
    zabbix.wait_for_values(&limited, &quota.map(|(key, value)| (key.to_owned(), value.to_owned())).into());

    // The number is the severity: 2 is Warning, 3 Average, 4 High.
    for (section, host) in &faulty {
        let expected = match *section {
            "refused" => "4 IMAP is CRITICAL: localhost: login failed: NO [AUTHENTICATIONFAILED]",
            "silent" => "4 IMAP is CRITICAL: localhost: greeting timed out after ",
            "certificate" => "4 IMAP session: certificate expires in less than 7 days",
            "warning" => "2 IMAP is WARNING: localhost: select Archive 0.",
            _ => "3 IMAP is UNKNOWN: --extra-opts: ",
        };
        zabbix.wait_for_problems(host, &[expected]);
    }
    let used = "2 IMAP session: quota: more than 1 % of the storage is used";
    zabbix.wait_for_problems(&limited, &["2 IMAP session: login takes more than 0 s", used]);
    zabbix.wait_for_problems(&gone, &["3 IMAP session: no result for 30s"]);

    // By now each check has run many times: still one problem each.
    for (section, host) in &faulty {
        assert_eq!(zabbix.list_problems(host).len(), 1, "{section}: {:?}", zabbix.list_problems(host));
    }
    for host in [&good, &external] {
        assert_eq!(zabbix.list_problems(host), Vec::<String>::new());
        assert_eq!(zabbix.list_complaints(host), Vec::<String>::new());
    }
    let (_, refused) = &faulty[0];
    zabbix.set_section(refused, "good");
    zabbix.wait_for_problems(refused, &[]);
}

/// What the section `good` yields: all items that are found, and the values that are sure.
fn expect_values() -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut expect = |key: &str, value: &str| values.insert(key.to_owned(), value.to_owned());
    for (key, value) in [
        ("state", "0"),
        ("summary", "IMAP is OK: localhost: login 0."),
        ("duration", "0."),
        ("timed_out", "0"),
        ("login", "1"),
        ("not_ok", "0"),
        ("cert.days", "36"),
        ("address", "127.0.0.1"),
        ("tls_version", "TLSv1."),
        ("operation.messages[select,Sent Items]", "1"),
        ("operation.messages[select,Entwürfe]", "4"),
        ("operation.messages[status,Archive]", "5"),
        ("operation.unseen[status,Archive]", "5"),
        ("operation.mailboxes[list,Arch*]", "1"),
    ] {
        expect(&format!("imap.session.{key}"), value);
    }
    for phase in ["resolve", "connect", "tls", "greeting", "login", "logout"] {
        expect(&format!("imap.session.phase.duration[{phase}]"), "");
        expect(&format!("imap.session.phase.ok[{phase}]"), "1");
    }
    // As Zabbix quotes it in a key.
    let awkward = format!("search,\"{}\"", AWKWARD.replace('"', "\\\""));
    expect(&format!("imap.session.operation.matches[{awkward}]"), "0");
    expect("imap.session.operation.duration[select,INBOX]", "");
    expect("imap.session.operation.ok[select,INBOX]", "1");
    expect("imap.session.operation.messages[select,INBOX]", "");
    for operation in ["select,Sent Items", "select,Entwürfe", &awkward, "status,Archive", "list,Arch*"] {
        expect(&format!("imap.session.operation.duration[{operation}]"), "");
        expect(&format!("imap.session.operation.ok[{operation}]"), "1");
    }
    values
}

/// An agent with the example and the sections of the tests, and nothing else.
struct Agent {
    port: u16,
    folder: PathBuf,
    _daemon: Daemon,
}

impl Agent {
    fn start(folder: &Path, program: &str, is_second: bool) -> Self {
        let ini = folder.join("imap-session.ini").display().to_string();
        write_sections(folder);
        let mut line = fs::read_to_string(project(AGENT_FILE)).unwrap();
        for (theirs, ours) in [
            ("/usr/lib/nagios/plugins/check_imap_session ", format!("{BINARY} ")),
            ("@/etc/zabbix/imap-session.ini ", format!("@{ini} ")),
        ] {
            assert!(line.contains(theirs), "{AGENT_FILE} has no {theirs} any more");
            line = line.replace(theirs, &ours);
        }
        fs::create_dir_all(folder.join("included")).unwrap();
        fs::write(folder.join("included/imap_session.conf"), line).unwrap();

        let port = free_port();
        let place = folder.display();
        let own = if is_second {
            format!("ControlSocket={place}/control.sock\nPluginSocket={place}/plugin.sock\n")
        } else {
            "AllowRoot=1\nStartAgents=8\n".to_owned()
        };
        // The timeout is long, so that a slow machine does not reach it. What the plugin makes of its own, the JSON says.
        let text = format!(
            "PidFile={place}/agent.pid\nLogType=console\nServer=127.0.0.1\nListenIP=127.0.0.1\nListenPort={port}\n\
             Hostname=imap\nTimeout=30\nInclude={place}/included/*.conf\n{own}"
        );
        let file = folder.join("agent.conf");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(find(program).unwrap());
        command.arg("-f").arg("-c").arg(&file).env_remove("IMAP_SESSION_PASSWORD");
        let daemon = Daemon::start(&mut command, &folder.join("agent.log"));
        let agent = Self { port, folder: folder.to_owned(), _daemon: daemon };
        wait_for(program, LIMIT, || (agent.ask("agent.ping") == "1").then_some(()));
        agent
    }

    fn ask(&self, key: &str) -> String {
        let mut command = Command::new(find("zabbix_get").unwrap());
        let answer = output(command.args(["-s", "127.0.0.1", "-p", &self.port.to_string(), "-k", key]));
        String::from_utf8_lossy(&answer.stdout).trim_end().to_owned()
    }
}

/// A section for each kind of server.
fn write_sections(folder: &Path) {
    let server = dovecot();
    let wrong = folder.join("wrong");
    fs::write(&wrong, "wrong\n").unwrap();
    let section = |name: &str, host: &str, account: &str, password: &Path, rest: &str| {
        format!(
            "[{name}]\nhostname = {host}\nport = {}\nca-file = {}\nusername = {account}\npassword-file = {}\n{rest}\n",
            server.imaps_port,
            server.ca_file,
            password.display()
        )
    };
    let ordinary = server.password_file("ordinary");
    let good = format!(
        "mailbox = Sent Items\nmailbox = Entwürfe\noperation = search:{AWKWARD}\noperation = status:Archive\n\
         operation = list:Arch*"
    );
    let silent = format!("tls = none\nport = {}", server.silent_port);
    let text = [
        section("good", "localhost", "ordinary", &ordinary, &good),
        section("limited", "localhost", "limited", &server.password_file("limited"), "operation = quota"),
        section("refused", "localhost", "ordinary", &wrong, ""),
        section("silent", "localhost", "ordinary", &ordinary, &silent),
        section("certificate", "127.0.0.5", "ordinary", &ordinary, "tls-name = imap.example.org"),
        section(
            "warning",
            "localhost",
            "ordinary",
            &ordinary,
            "mailbox = Archive\nwarning = select.messages:Archive=10:",
        ),
    ];
    fs::write(folder.join("imap-session.ini"), text.concat()).unwrap();
}

/// Dropped in this order, the database behind what uses it.
struct Zabbix {
    api_port: u16,
    token: Option<String>,
    _server: Server,
    agent: Agent,
    _frontend: Daemon,
    _database: Database,
    folder: TempDir,
}

impl Zabbix {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = Database::start("zabbix", "utf8mb4_bin");
        database.load(&format!("zcat {SCHEMA}"));
        // Users, roles and settings, without the many templates that Zabbix brings.
        database.load(&format!(
            "zcat {DATA} | grep -aE '^INSERT INTO .(users|role|role_rule|usrgrp|users_groups|config|config_autoreg_tls|hstgrp). '"
        ));
        let api_port = free_port();
        let frontend = start_frontend(folder.path(), &database, api_port);
        let agent = Agent::start(folder.path(), "zabbix_agentd", false);
        let server = Server::start(folder.path(), &database);
        let mut zabbix =
            Self { api_port, token: None, _server: server, agent, _frontend: frontend, _database: database, folder };
        let account = json!({ "username": "Admin", "password": "zabbix" });
        let token = wait_for("the frontend answers", LIMIT, || zabbix.try_call("user.login", &account).ok());
        zabbix.token = token.as_str().map(str::to_owned);
        zabbix
    }

    fn call(&self, method: &str, parameters: &Value) -> Value {
        self.try_call(method, parameters).unwrap_or_else(|why| panic!("{method} {parameters}: {why}\n{}", self.log()))
    }

    fn try_call(&self, method: &str, parameters: &Value) -> Result<Value, String> {
        let mut request = json!({ "jsonrpc": "2.0", "method": method, "params": parameters, "id": 1 });
        if let Some(token) = &self.token {
            request["auth"] = json!(token);
        }
        let file = self.folder.path().join("request.json");
        fs::write(&file, request.to_string()).unwrap();
        let mut command = Command::new("curl");
        command.args(["-s", "-m", "60", "-H", "Content-Type: application/json-rpc", "--data-binary"]);
        command.arg(format!("@{}", file.display())).arg(format!("http://127.0.0.1:{}/api_jsonrpc.php", self.api_port));
        let answer = output(&mut command).stdout;
        let answer: Value =
            serde_json::from_slice(&answer).map_err(|why| format!("{why}: {:?}", String::from_utf8_lossy(&answer)))?;
        answer.get("result").cloned().ok_or_else(|| answer.to_string())
    }

    /// As the form of the frontend does it with all boxes ticked.
    fn import(&self, file: &str) {
        let source = fs::read_to_string(project(file)).unwrap();
        let all = json!({ "createMissing": true, "updateExisting": true, "deleteMissing": true });
        let some = json!({ "createMissing": true, "updateExisting": true });
        let rules = json!({ "groups": some, "templates": some, "items": all, "triggers": all, "discoveryRules": all,
            "valueMaps": all, "graphs": all, "templateDashboards": all, "httptests": all });
        let done = self.call("configuration.import", &json!({ "format": "yaml", "source": source, "rules": rules }));
        assert_eq!(done, true, "{file}");
    }

    /// Of each kind of object that a template has.
    fn count_objects(&self) -> Vec<String> {
        let kinds = ["template", "item", "trigger", "discoveryrule", "itemprototype", "triggerprototype", "valuemap"];
        let count = |kind: &str| {
            let mut parameters = json!({ "countOutput": true });
            if kind != "template" && kind != "valuemap" {
                parameters["templated"] = json!(true);
            }
            let number = self.call(&format!("{kind}.get"), &parameters);
            assert_ne!(number, "0", "{kind}");
            format!("{number} {kind}")
        };
        kinds.into_iter().map(count).collect()
    }

    /// Returns its number.
    fn create_host(&self, name: &str, template: &str, section: &str, port: u16, macros: &[(&str, &str)]) -> String {
        let find = |method: &str, key: &str, parameters: Value| {
            let found = self.call(method, &parameters);
            found[0][key].as_str().unwrap_or_else(|| panic!("{method} {parameters}: {found}")).to_owned()
        };
        let template = find("template.get", "templateid", json!({ "filter": { "host": template } }));
        let group = find("hostgroup.get", "groupid", json!({ "limit": 1 }));
        let ini = self.folder.path().join("imap-session.ini").display().to_string();
        let usual = [
            ("{$IMAP_SESSION.SECTION}", section),
            ("{$IMAP_SESSION.INTERVAL}", "2s"),
            ("{$IMAP_SESSION.FILE}", &ini),
            ("{$IMAP_SESSION.SLOW}", "60"),
        ];
        let macros = usual.iter().chain(macros).map(|(name, value)| json!({ "macro": name, "value": value }));
        let created = self.call(
            "host.create",
            &json!({
                "host": name, "groups": [{ "groupid": group }], "templates": [{ "templateid": template }],
                "interfaces": [{ "type": 1, "main": 1, "useip": 1, "ip": "127.0.0.1", "dns": "", "port": port.to_string() }],
                "macros": macros.collect::<Vec<_>>(),
            }),
        );
        created["hostids"][0].as_str().unwrap().to_owned()
    }

    fn set_section(&self, host: &str, section: &str) {
        let found =
            self.call("usermacro.get", &json!({ "hostids": host, "filter": { "macro": "{$IMAP_SESSION.SECTION}" } }));
        self.call("usermacro.update", &json!({ "hostmacroid": found[0]["hostmacroid"], "value": section }));
    }

    /// Until the host has an item with each of these keys, and its value begins so.
    fn wait_for_values(&self, host: &str, expected: &BTreeMap<String, String>) {
        let begun = Instant::now();
        loop {
            let items =
                self.call("item.get", &json!({ "hostids": host, "output": ["key_", "lastvalue", "lastclock"] }));
            let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
            let found: BTreeMap<String, String> = items
                .as_array()
                .unwrap()
                .iter()
                .filter(|item| item["lastclock"] != "0")
                .map(|item| (text(item, "key_"), text(item, "lastvalue")))
                .collect();
            let is_there = |(key, value): (&String, &String)| found.get(key).is_some_and(|got| got.starts_with(value));
            if expected.iter().all(is_there) {
                return;
            }
            let missing: Vec<_> = expected.iter().filter(|pair| !is_there(*pair)).collect();
            assert!(begun.elapsed() < LIMIT, "host {host}: no {missing:?} in {found:#?}\n{}", self.log());
            sleep(Duration::from_millis(500));
        }
    }

    /// Until the host has as many problems as these, each of which begins so.
    fn wait_for_problems(&self, host: &str, expected: &[&str]) {
        let begun = Instant::now();
        loop {
            let found = self.list_problems(host);
            let is_same = found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected));
            if is_same {
                return;
            }
            assert!(begun.elapsed() < LIMIT, "host {host}: {found:#?} in place of {expected:#?}\n{}", self.log());
            sleep(Duration::from_millis(500));
        }
    }

    /// Severity and name of each, sorted.
    fn list_problems(&self, host: &str) -> Vec<String> {
        let found = self.call("problem.get", &json!({ "hostids": host, "output": ["name", "severity"] }));
        let describe = |problem: &Value| {
            let text = |key: &str| problem[key].as_str().unwrap_or_default();
            format!("{} {}", text("severity"), text("name"))
        };
        let mut problems: Vec<String> = found.as_array().unwrap().iter().map(describe).collect();
        problems.sort();
        problems
    }

    /// What the server says of items and discovery rules that do not work.
    fn list_complaints(&self, host: &str) -> Vec<String> {
        let ask =
            |kind: &str| self.call(&format!("{kind}.get"), &json!({ "hostids": host, "output": ["name", "error"] }));
        let all = [ask("item"), ask("discoveryrule"), ask("trigger")];
        let wrong = all.iter().flat_map(|list| list.as_array().unwrap()).filter(|object| object["error"] != "");
        wrong.map(ToString::to_string).collect()
    }

    fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let log = read("server.log");
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// The frontend reads its settings from one place in `/etc`. So this is a copy that reads them from the folder.
fn start_frontend(folder: &Path, database: &Database, port: u16) -> Daemon {
    let web = folder.join("web");
    fs::create_dir(&web).unwrap();
    let mut copy = Command::new("cp");
    for part in ["api_jsonrpc.php", "include", "vendor", "local", "data", "app", "modules", "conf"] {
        copy.arg(format!("{FRONTEND}/{part}"));
    }
    run(copy.arg("-r").arg("-t").arg(&web));
    let settings = folder.join("zabbix.conf.php");
    let file = web.join("include/classes/core/CConfigFile.php");
    let text = fs::read_to_string(&file).unwrap();
    let theirs = "'/etc/zabbix/zabbix.conf.php'";
    assert!(text.contains(theirs), "{FRONTEND} reads its settings from elsewhere");
    fs::write(&file, text.replace(theirs, &format!("'{}'", settings.display()))).unwrap();
    let db = |name: &str, value: &str| format!("$DB['{name}'] = {value};\n");
    let empty =
        ["SCHEMA", "KEY_FILE", "CERT_FILE", "CA_FILE", "CIPHER_LIST", "VAULT_URL", "VAULT_DB_PATH", "VAULT_TOKEN"];
    let lines = [
        "<?php\n".to_owned(),
        db("TYPE", "'MYSQL'") + &db("SERVER", "'127.0.0.1'") + &db("PORT", &format!("'{}'", database.port)),
        ["DATABASE", "USER", "PASSWORD"].map(|name| db(name, "'zabbix'")).concat(),
        empty.map(|name| db(name, "''")).concat(),
        ["ENCRYPTION", "VERIFY_HOST"].map(|name| db(name, "false")).concat() + &db("DOUBLE_IEEE754", "true"),
    ];
    fs::write(settings, lines.concat()).unwrap();
    let mut php = Command::new(find("php").unwrap());
    Daemon::start(php.args(["-S", &format!("127.0.0.1:{port}"), "-t"]).arg(&web), &folder.join("frontend.log"))
}

/// Zabbix needs a few seconds to end, and the folder with its database goes behind it.
struct Server {
    pid_file: PathBuf,
    _daemon: Daemon,
}

impl Server {
    fn start(folder: &Path, database: &Database) -> Self {
        let place = folder.display();
        let scripts = folder.join("scripts");
        fs::create_dir(&scripts).unwrap();
        std::os::unix::fs::symlink(BINARY, scripts.join("check_imap_session")).unwrap();
        // Debian's server refuses the database of Debian as too new.
        let text = format!(
            "ListenIP=127.0.0.1\nListenPort={}\nPidFile={place}/server.pid\nLogType=console\nSocketDir={place}\n\
             DBHost=127.0.0.1\nDBPort={}\nDBName=zabbix\nDBUser=zabbix\nDBPassword=zabbix\nAllowUnsupportedDBVersions=1\n\
             AllowRoot=1\nCacheUpdateFrequency=1\nTimeout=30\nExternalScripts={place}/scripts\nStartPollers=8\n\
             StartPingers=0\nStartDiscoverers=0\nStartHTTPPollers=0\nStartReportWriters=0\n",
            free_port(),
            database.port
        );
        let file = folder.join("server.conf");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(find("zabbix_server").unwrap());
        let daemon = Daemon::start(command.arg("-f").arg("-c").arg(&file), &folder.join("server.log"));
        Self { pid_file: folder.join("server.pid"), _daemon: daemon }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Ok(pid) = fs::read_to_string(&self.pid_file) else { return };
        let _ = Command::new("kill").args(["-TERM", pid.trim()]).status();
        let begun = Instant::now();
        while self.pid_file.exists() && begun.elapsed() < Duration::from_secs(60) {
            sleep(Duration::from_millis(50));
        }
    }
}
