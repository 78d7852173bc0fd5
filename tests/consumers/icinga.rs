//! Icinga 2: the files in icinga/ as they are, in daemons of the test's own, against the private Dovecot. What a daemon
//! thinks of a check is asked through its API.

mod daemon;

use crate::real::{BINARY, free_port, have, output, project, run, wait_for};
use crate::testkit::dovecot::{Dovecot, dovecot};
use crate::testkit::labels::{expected, label};
use crate::testkit::plan::{Mode, Plan};
use daemon::{Icinga, LIMIT};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::spawn;

#[test]
fn the_check_command_has_every_option_with_a_description() {
    let shipped = fs::read_to_string(project("icinga/imap_session.conf")).unwrap();
    let arguments = shipped.split_once("arguments = {").unwrap().1;
    for option in options() {
        let entry = arguments.split_once(&format!("\n    \"--{option}\" = {{\n"));
        let entry = entry.unwrap_or_else(|| panic!("imap_session.conf has no --{option}")).1;
        let entry = entry.split_once("\n    }\n").expect("an end of the entry").0;
        let variable = format!("$imap_session_{}$", option.replace('-', "_"));
        assert!(entry.contains(&variable), "--{option} is not set by {variable}:\n{entry}");
        assert!(entry.contains("\n      description = \""), "--{option} is not described:\n{entry}");
    }
}

#[test]
fn the_shipped_files_pass_validation_as_they_are() {
    if !have(&["icinga2"]) {
        return;
    }
    let single = Icinga::new("single.example.org");
    single.copy("icinga/imap_session.conf", "conf.d");
    single.copy("icinga/examples/icinga2-services.conf", "conf.d");
    single.copy("icinga/examples/icinga2-hosts.conf", "conf.d");
    single.write("zones.conf", &zone_of_one("single.example.org"));
    let valid = single.validate();
    assert!(valid.contains("Instantiated 8 Services."), "{valid}");

    for (name, services) in [("master", 9), ("satellite1", 9), ("satellite2", 9)] {
        let node = Icinga::new(&format!("{name}.example.org"));
        node.copy("icinga/examples/icinga2-zones.conf", "");
        node.rename("icinga2-zones.conf", "zones.conf");
        // As on the master; a satellite gets the same files through the cluster.
        node.copy("icinga/imap_session.conf", "zones.d/global-templates");
        node.copy("icinga/examples/icinga2-services.conf", "zones.d/global-templates");
        node.copy("icinga/examples/icinga2-hosts.conf", "zones.d/satellites");
        node.copy("icinga/examples/icinga2-agent-hosts.conf", "zones.d/satellites");
        let valid = node.validate();
        assert!(valid.contains(&format!("Instantiated {services} Services.")), "{name}: {valid}");
    }

    let agent = Icinga::new("agent.example.org");
    agent.copy("icinga/examples/icinga2-zones-agent.conf", "");
    agent.rename("icinga2-zones-agent.conf", "zones.conf");
    agent.validate();
}

#[test]
fn what_the_comments_warn_of_is_refused() {
    if !have(&["icinga2"]) {
        return;
    }
    let twice = Icinga::new("twice.example.org");
    twice.write("zones.conf", &zone_of_one("twice.example.org"));
    twice.copy("icinga/imap_session.conf", "conf.d");
    twice.copy("icinga/imap_session.conf", "zones.d/global-templates");
    let refused = twice.refusal();
    assert!(refused.contains("'imap_session' of type 'CheckCommand' re-defined"), "{refused}");

    let no_zone = Icinga::new("master.example.org");
    no_zone.copy("icinga/examples/icinga2-zones.conf", "");
    no_zone.rename("icinga2-zones.conf", "zones.conf");
    no_zone.copy("icinga/imap_session.conf", "conf.d");
    no_zone.copy("icinga/examples/icinga2-services.conf", "conf.d");
    no_zone.copy("icinga/examples/icinga2-agent-hosts.conf", "conf.d");
    let refused = no_zone.refusal();
    assert!(refused.contains("with command endpoint requires a zone"), "{refused}");
}

/// The servers of the examples do not exist. A script in place of the plugin adds an address where nothing listens and
/// runs the plugin, so every option of every example gets to it: a usage error would be UNKNOWN.
#[test]
fn the_plugin_takes_what_the_examples_give_it() {
    if !have(&["icinga2", "curl"]) {
        return;
    }
    let mut icinga = Icinga::new("single.example.org");
    icinga.write("zones.conf", &zone_of_one("single.example.org"));
    icinga.copy("icinga/imap_session.conf", "conf.d");
    icinga.copy("icinga/examples/icinga2-services.conf", "conf.d");
    icinga.copy("icinga/examples/icinga2-hosts.conf", "conf.d");
    icinga.write("conf.d/other-logins.conf", &other_logins_of_host(&icinga));
    let plugin = icinga.path("plugins/check_imap_session");
    let real = icinga.path("plugins/real");
    fs::rename(&plugin, &real).unwrap();
    let password = dovecot().password_file("ordinary").display().to_string();
    let port = free_port();
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *' --password-file '*) set -- \"$@\" --password-file {password} ;; esac\n\
         exec {} \"$@\" --hostname 127.0.0.1 --port {port}\n",
        real.display()
    );
    // Copied, not written: a file just written may be "busy" when others start programs at the same moment.
    fs::write(icinga.path("script"), script).unwrap();
    run(Command::new("install").arg("-m755").arg(icinga.path("script")).arg(&plugin));
    icinga.start();
    icinga.check_now();
    for service in [
        "imap",
        "imap mailboxes",
        "imap delivery",
        "imap mailbox",
        "imap write",
        "imap starttls",
        "imap nodes",
        "imap with password",
        "other command",
        "other certificate",
        "other token",
    ] {
        let result = icinga.result(service);
        assert_eq!(result.state, 2, "{service}: {result:#?}");
        let failed = if service == "other token" { "token failed" } else { "connect failed" };
        assert!(result.output.contains(failed), "{service}: {result:#?}");
        // A file would count before the password, and is refused beside the others.
        let file = result.command.contains(&"--password-file".to_owned());
        assert_eq!(file, service != "imap with password" && !service.starts_with("other "), "{result:#?}");
    }
}

/// Entries for the rule of the example that have no password file.
fn other_logins_of_host(icinga: &Icinga) -> String {
    let secret = icinga.path("secret");
    fs::write(&secret, "secret\n").unwrap();
    let secret = quoted(&secret.display().to_string());
    format!(
        "object Host \"other.example.org\" {{\n  address = \"192.0.2.30\"\n  check_command = \"dummy\"\n  \
         vars.imap_session[\"other command\"] = {{ imap_session_password_command = \"echo secret\" }}\n  \
         vars.imap_session[\"other certificate\"] = {{ imap_session_auth = \"external\" }}\n  \
         vars.imap_session[\"other token\"] = {{ imap_session_auth = \"xoauth2\"\n    \
         imap_session_oauth_token_url = \"https://127.0.0.1:1/\"\n    imap_session_oauth_client_id = \"imap\"\n    \
         imap_session_oauth_client_secret_file = {secret} }}\n}}\n"
    )
}

#[test]
fn icinga_runs_the_check_and_keeps_its_result() {
    if !have(&["icinga2", "curl"]) {
        return;
    }
    let dovecot = dovecot();
    let graphite = Collector::start();
    let mut icinga = Icinga::new("single.example.org");
    icinga.write("zones.conf", &zone_of_one("single.example.org"));
    icinga.write(
        "features/graphite.conf",
        &format!(
            "object GraphiteWriter \"graphite\" {{ host = \"127.0.0.1\"; port = {}; enable_send_thresholds = true }}\n",
            graphite.port
        ),
    );
    icinga.copy("icinga/imap_session.conf", "conf.d");
    icinga.write("conf.d/services.conf", &services(dovecot, &icinga));
    icinga.start();
    icinga.check_now();

    ok_warning_and_critical(&icinga);
    operations_have_their_figures(&icinga);
    passwords_arrive_and_stay_hidden(&icinga, dovecot);
    time_outs_name_their_phase(&icinga);
    ps_shows_no_password(&icinga, dovecot);
    every_variable_arrives(&icinga, dovecot);
    writers_take_the_perfdata(icinga, &graphite);
}

#[test]
fn an_agent_checks_for_its_master() {
    if !have(&["icinga2", "curl"]) {
        return;
    }
    let dovecot = dovecot();
    let mut master = Icinga::new("master.example.org");
    let mut agent = Icinga::new("agent.example.org");
    master.make_ca();
    master.certify(&agent);
    let zones = |with_port: bool| {
        let port = if with_port { format!("host = \"127.0.0.1\"; port = {}", agent.port) } else { String::new() };
        format!(
            "object Endpoint \"master.example.org\" {{ }}\n\
             object Endpoint \"agent.example.org\" {{ {port} }}\n\
             object Zone \"master\" {{ endpoints = [ \"master.example.org\" ] }}\n\
             object Zone \"agent.example.org\" {{ parent = \"master\"; endpoints = [ \"agent.example.org\" ] }}\n\
             object Zone \"global-templates\" {{ global = true }}\n"
        )
    };
    master.write("zones.conf", &zones(true));
    agent.write("zones.conf", &zones(false));
    // What the agent needs comes from the master: it has neither the command nor a service.
    master.copy("icinga/imap_session.conf", "zones.d/global-templates");
    master.copy("icinga/examples/icinga2-services.conf", "zones.d/global-templates");
    let file = dovecot.password_file("ordinary");
    let (imaps, silent, ca) = (dovecot.imaps_port, dovecot.silent_port, &dovecot.ca_file);
    master.write(
        "zones.d/master/hosts.conf",
        &format!(
            r#"object Host "h" {{
  address = "127.0.0.1"
  check_command = "dummy"
  vars.imap_session_agent = "agent.example.org"
  vars.imap_session_ca_file = "{ca}"
  vars.imap_session_username = "of the host, the service's counts"
  vars.imap_session["file"] = {{
    imap_session_username = "ordinary"
    imap_session_password_file = "{}"
    imap_session_port = {imaps}
    imap_session_mailbox = [ "INBOX", "Archive" ]
  }}
  vars.imap_session["password"] = {{
    imap_session_username = "nonascii"
    imap_session_password = {}
    imap_session_port = {imaps}
  }}
  vars.imap_session["silent"] = {{
    imap_session_username = "ordinary"
    imap_session_password_file = "{}"
    imap_session_port = {silent}
    imap_session_tls = "none"
    imap_session_warning = [ 5 ]
    imap_session_timeout = 3
  }}
  vars.imap_session["every"] = {{
{}
  }}
}}
"#,
            file.display(),
            quoted(&dovecot.password("nonascii")),
            file.display(),
            every_variable(dovecot, &agent),
        ),
    );
    agent.start();
    master.start();

    // Until the agent is connected and has loaded what it got from the master, Icinga's own words are the result.
    let mut asked = 0;
    wait_for("a result of the plugin on the agent", LIMIT, || {
        if asked % 30 == 0 {
            master.check_now();
        }
        asked += 1;
        let names = ["file", "password", "silent", "every"];
        names.iter().all(|name| master.last(name).is_some_and(|result| result.output.contains("IMAP is"))).then_some(())
    });
    for (name, state, text) in [
        ("file", 0, "IMAP is OK: 127.0.0.1: login "),
        ("password", 0, "IMAP is OK: 127.0.0.1: login "),
        ("silent", 2, " s (total limit 3 s)"),
        ("every", 0, "IMAP is OK: localhost: "),
    ] {
        let result = master.result(name);
        assert_eq!(result.state, state, "{name}: {result:#?}");
        assert!(result.output.contains(text), "{name}: {result:#?}");
        assert_eq!(result.check_source, "agent.example.org", "{name}: {result:#?}");
        assert_eq!(result.command[0], agent.path("plugins/check_imap_session").display().to_string());
        assert!(!result.json.contains(&dovecot.password("nonascii")), "{name}: {result:#?}");
        assert!(!result.json.contains(&dovecot.password("ordinary")), "{name}: {result:#?}");
    }
    let file = master.result("file");
    assert!(file.has(&format!("{}=5;;;0", label("select", "Archive", "messages"))), "{file:#?}");
    let command = master.result("every").command;
    assert_eq!(command.iter().filter(|argument| *argument == "--verbose").count(), 3, "{command:#?}");
    assert!(command.iter().any(|argument| argument.starts_with("--extra-opts=imap@")), "{command:#?}");
}

fn ok_warning_and_critical(icinga: &Icinga) {
    let ok = icinga.result("ok");
    assert_eq!(ok.state, 0, "{ok:#?}");
    assert!(ok.output.starts_with("IMAP is OK: 127.0.0.1: login "), "{ok:#?}");
    assert!(!ok.output.contains('|'), "{ok:#?}");
    let labels: Vec<&str> = ok.perfdata.iter().map(|item| item.split_once('=').unwrap().0).collect();
    let plan = Plan::of_mailboxes(Mode::Implicit, &["INBOX", "Archive", "Entwürfe"]);
    let expected: Vec<String> = expected(&plan).into_iter().map(|expected| expected.label).collect();
    assert_eq!(labels, expected, "{ok:#?}");
    assert!(ok.perfdata.iter().any(|item| item.starts_with("login=") && item.ends_with("s;6;7;0;8")), "{ok:#?}");
    let messages = format!("{}=5;;;0", label("select", "Archive", "messages"));
    for item in ["login_ok=1;;;0;1", "select_Entwürfe_ok=1;;;0;1", "timed_out=0;0;;0;1", &messages] {
        assert!(ok.has(item), "{item}: {ok:#?}");
    }

    for (service, state, text) in [
        ("certificate", 1, "certificate expires in 4."),
        ("messages", 1, "2 messages, warning below 10"),
        ("wrong-password", 2, "login failed: NO [AUTHENTICATIONFAILED]"),
        ("no-password", 3, "no password: give --password-file FILE or set IMAP_SESSION_PASSWORD"),
    ] {
        let result = icinga.result(service);
        assert_eq!(result.state, state, "{service}: {result:#?}");
        assert!(result.output.contains(text), "{service}: {result:#?}");
    }
}

/// Keys of a search with blanks and quotes, and a write test.
fn operations_have_their_figures(icinga: &Icinga) {
    let result = icinga.result("operations");
    assert_eq!(result.state, 1, "{result:#?}");
    assert!(result.output.contains("(4 matches, warning above 3)"), "{result:#?}");
    let keys = "Entwürfe_UNSEEN_SUBJECT__message_";
    for item in [
        "status_Entwürfe_unseen=4;10;;0",
        &format!("search_{keys}_matches=4;3;;0"),
        &format!("search_{keys}_ok=1;;;0;1"),
        "list_mailboxes=10;;5:;0",
        "append_Projects_2026_Summer_ok=1;;;0;1",
        "remove_Projects_2026_Summer_ok=1;;;0;1",
    ] {
        assert!(result.has(item), "{item}: {result:#?}");
    }
    assert!(result.perfdata.iter().any(|item| item.starts_with("age_Entwürfe_newest=")), "{result:#?}");
}

fn passwords_arrive_and_stay_hidden(icinga: &Icinga, dovecot: &Dovecot) {
    for user in PASSWORD_USERS {
        let result = icinga.result(user);
        assert_eq!(result.state, 0, "{user}: {result:#?}");
        assert!(result.command.contains(&"--username".to_owned()), "{result:#?}");
        assert!(!result.json.contains(dovecot.password(user).trim()), "{user}: {result:#?}");
        assert!(!result.json.contains("PASSWORD"), "{user}: {result:#?}");
    }
}

fn time_outs_name_their_phase(icinga: &Icinga) {
    let ours = icinga.result("silent");
    assert_eq!(ours.state, 2, "{ours:#?}");
    assert!(
        ours.output.contains("greeting timed out after ") && ours.output.contains(" s (total limit 3 s)"),
        "{ours:#?}"
    );
    assert!(ours.has("timed_out=1;0;;0;1"), "{ours:#?}");

    // Icinga gives the check a tenth of its timeout between SIGTERM and SIGKILL, and reads nothing any more if it comes to the
    // second one. A busy machine may need more than that now and then, so the first result with a report counts.
    let icingas = wait_for("a report of the check that Icinga ended with SIGTERM", LIMIT, || {
        icinga.last("hangs").filter(|result| result.output.contains("IMAP is "))
    });
    assert_eq!(icingas.state, 3, "{icingas:#?}");
    assert!(icingas.output.starts_with("<Timeout exceeded.>"), "{icingas:#?}");
    assert!(icingas.output.contains("IMAP is CRITICAL: 127.0.0.1: greeting failed: ended by SIGTERM"), "{icingas:#?}");
}

/// `hangs` is run again and again, four seconds each time.
fn ps_shows_no_password(icinga: &Icinga, dovecot: &Dovecot) {
    let password = dovecot.password("ordinary");
    let plugin = icinga.path("plugins/check_imap_session").display().to_string();
    let (arguments, environment) = wait_for("a hanging check", LIMIT, || {
        fs::read_dir("/proc").unwrap().flatten().find_map(|process| {
            let arguments = fs::read_to_string(process.path().join("cmdline")).ok()?;
            let hangs = arguments.starts_with(&plugin) && arguments.contains("hangs-here");
            // Only its own user and root may read this.
            hangs.then(|| fs::read_to_string(process.path().join("environ")).ok().map(|text| (arguments, text)))?
        })
    });
    assert!(!arguments.contains(&password), "{arguments}");
    assert!(environment.contains(&password), "the password came another way than this test thinks: {environment}");
}

fn every_variable_arrives(icinga: &Icinga, dovecot: &Dovecot) {
    let every = icinga.result("every");
    assert_eq!(every.state, 0, "{every:#?}");
    assert!(every.output.starts_with("IMAP is OK: localhost: "), "{every:#?}");
    // Out of the ini file, then those of the variable mailbox, then those of the variable operation.
    let messages = every.perfdata.iter().filter_map(|item| item.split_once("_messages_a1=")).map(|(label, _)| label);
    let operations: Vec<&str> = messages.collect();
    let expected = ["select_Empty", "select_INBOX", "select_Sent_Items", "examine_Archive", "select_Entwürfe"];
    assert_eq!(operations, expected, "{every:#?}");
    assert!(icinga.path("run/metrics.prom").exists());

    // Those that exclude what "every" has. The daemon's environment names the ini file.
    let others = icinga.result("others");
    if dovecot.ipv6 {
        assert_eq!(others.state, 0, "{others:#?}");
    }
    assert!(others.output.starts_with("IMAP is ") && !others.output.contains("UNKNOWN"), "{others:#?}");
    assert!(others.command.contains(&"--extra-opts".to_owned()), "{others:#?}");

    let login = icinga.result("login");
    assert_eq!(login.state, 0, "{login:#?}");
    let token = icinga.result("token");
    assert_eq!(token.state, 2, "{token:#?}");
    assert!(token.output.contains("token failed: 127.0.0.1 port 1: connection refused"), "{token:#?}");

    // It stands in the place of a refresh token. The file is no key.
    let account = icinga.result("account");
    assert_eq!(account.state, 3, "{account:#?}");
    assert!(account.output.contains("--oauth-service-account: "), "{account:#?}");

    let commands = [&every.command, &others.command, &login.command, &token.command, &account.command];
    let given: BTreeSet<&str> = commands
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter_map(|argument| argument.strip_prefix("--"))
        .map(|argument| argument.split_once('=').map_or(argument, |(name, _)| name))
        .collect();
    let all = options();
    assert_eq!(given, all.iter().map(String::as_str).collect(), "left: what Icinga gave, right: what --help tells");
}

/// Ends the daemon, after which its log is whole.
fn writers_take_the_perfdata(icinga: Icinga, graphite: &Collector) {
    let names = ["ok", "certificate", "messages", "wrong-password", "silent", "hangs", "unknown-values", "every"];
    // What is checked before the writer has connected is lost to it.
    let mut asked = 0;
    wait_for("metrics of every service", LIMIT, || {
        if asked % 50 == 0 {
            icinga.check_now();
        }
        asked += 1;
        let metrics = graphite.text();
        let metric = |name: &&str| format!("icinga2.h.services.{name}.imap_session.perfdata.timed_out");
        names.iter().all(|name| metrics.contains(&metric(name))).then_some(())
    });
    let metrics = graphite.text();
    let messages = format!("{}.value 5", label("select", "Archive", "messages"));
    let days = format!("{}.value 3", label("tls", "", "cert_days"));
    for metric in ["login.value ", "login.crit 7", "select_Entwürfe.value ", &messages, &days] {
        let metric = format!("icinga2.h.services.ok.imap_session.perfdata.{metric}");
        assert!(metrics.contains(&metric), "{metric} is not in:\n{metrics}");
    }
    let log = icinga.end();
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("Ignoring invalid perfdata")).collect();
    // The service with U values shows that the log would tell.
    assert!(refused.iter().any(|line| line.contains("'h!unknown-values'")), "{log}");
    assert!(refused.iter().all(|line| line.contains("'h!unknown-values'")), "{refused:#?}");
}

/// Their passwords have spaces, quotes, backslashes, $ and letters beyond ASCII.
const PASSWORD_USERS: [&str; 4] = ["space", "quote", "backslash", "nonascii"];

/// Host `h` and its services; the shipped command's own variables only.
fn services(dovecot: &Dovecot, icinga: &Icinga) -> String {
    let file = format!("imap_session_password_file = \"{}\"", dovecot.password_file("ordinary").display());
    let ordinary = format!("imap_session_username = \"ordinary\"\n{file}");
    let silent = format!("imap_session_port = {}\nimap_session_tls = \"none\"", dovecot.silent_port);
    let mut text = format!(
        "object Host \"h\" {{\n  address = \"127.0.0.1\"\n  check_command = \"dummy\"\n\
         vars.imap_session_port = {}\nvars.imap_session_ca_file = \"{}\"\n}}\n",
        dovecot.imaps_port, dovecot.ca_file
    );
    let mut add = |name: &str, variables: &str, attributes: &str| {
        let variables = format!("\n{variables}").replace("\nimap_session_", "\n  vars.imap_session_");
        let service = format!(
            "object Service \"{name}\" {{\n  host_name = \"h\"\n  check_command = \"imap_session\"\n  \
             {attributes}{variables}\n}}\n"
        );
        text.push_str(&service);
    };
    add(
        "ok",
        &format!(
            "{ordinary}\nimap_session_mailbox = [ \"INBOX\", \"Archive\", \"Entwürfe\" ]\n\
             imap_session_warning = [ \"login=6\" ]\nimap_session_critical = [ \"login=7\" ]"
        ),
        "",
    );
    let certificate = "imap_session_hostname = \"127.0.0.5\"\nimap_session_warning = \"tls.cert_days=21:\"";
    add("certificate", &format!("{ordinary}\n{certificate}"), "");
    add("messages", &format!("{ordinary}\nimap_session_warning = [ \"select.messages:INBOX=10:\" ]"), "");
    add(
        "operations",
        &format!(
            "{ordinary}\n\
             imap_session_operation = [ \"status:Entwürfe\", \"search:Entwürfe?UNSEEN SUBJECT \\\"message\\\"\", \
             \"age:Entwürfe\", \"list\", \"append:Projects/2026/Summer\" ]\n\
             imap_session_warning = [ \"status.unseen=10\", \"search.matches=3\", \"age.newest:Entwürfe=86400\" ]\n\
             imap_session_critical = [ \"list.mailboxes=5:\" ]"
        ),
        "",
    );
    let wrong = "imap_session_username = \"ordinary\"\nimap_session_password = \"wrong\"";
    add("wrong-password", wrong, "");
    add("unknown-values", &format!("{wrong}\nimap_session_perfdata_u = true"), "");
    add("no-password", "imap_session_username = \"ordinary\"", "");
    for user in PASSWORD_USERS {
        let password = quoted(&dovecot.password(user));
        add(user, &format!("imap_session_username = \"{user}\"\nimap_session_password = {password}"), "");
    }
    add("silent", &format!("{ordinary}\n{silent}\nimap_session_timeout = 3"), "");
    let password = quoted(&dovecot.password("ordinary"));
    add(
        "hangs",
        &format!(
            "imap_session_username = \"hangs-here\"\nimap_session_password = {password}\n{silent}\n\
             imap_session_timeout = 10"
        ),
        "check_timeout = 4\n  check_interval = 1\n  retry_interval = 1",
    );
    add("every", &every_variable(dovecot, icinga), "");
    add(
        "others",
        &format!(
            "{ordinary}\nimap_session_hostname = \"::1\"\nimap_session_ipv6 = true\nimap_session_no_verify = true\n\
             imap_session_extra_opts = true"
        ),
        "",
    );
    add("login", &other_logins(dovecot), "");
    add("token", &every_token_variable(icinga), "");
    let account = format!(
        "imap_session_username = \"ordinary\"\nimap_session_auth = \"oauthbearer\"\n\
         imap_session_oauth_token_url = \"http://127.0.0.1:1/token\"\n\
         imap_session_oauth_service_account = \"{}\"",
        icinga.path("secret").display()
    );
    add("account", &account, "");
    text
}

/// A login by a mechanism, with a certificate and a password from a command.
fn other_logins(dovecot: &Dovecot) -> String {
    let folder = std::path::Path::new(&dovecot.ca_file).parent().unwrap().display();
    format!(
        "imap_session_username = \"ordinary\"\nimap_session_auth = \"plain\"\n\
         imap_session_authzid = \"ordinary\"\n\
         imap_session_password_command = \"cat {}\"\n\
         imap_session_client_cert = \"{folder}/client.pem\"\nimap_session_client_key = \"{folder}/client.pem\"\n\
         imap_session_source = \"127.0.0.1\"\nimap_session_no_perfdata = true",
        dovecot.password_file("ordinary").display()
    )
}

/// Nobody is there to give a token.
fn every_token_variable(icinga: &Icinga) -> String {
    let secret = icinga.path("secret");
    fs::write(&secret, "s3cret\n").unwrap();
    let (secret, cache) = (secret.display(), icinga.path("token").display().to_string());
    format!(
        "imap_session_username = \"ordinary\"\nimap_session_auth = \"xoauth2\"\n\
         imap_session_proxy_protocol = \"2\"\n\
         imap_session_oauth_token_url = \"http://127.0.0.1:1/token\"\nimap_session_oauth_client_id = \"monitor\"\n\
         imap_session_oauth_client_secret_file = \"{secret}\"\n\
         imap_session_oauth_refresh_token_file = \"{secret}\"\nimap_session_oauth_scope = \"mail\"\n\
         imap_session_oauth_cache = \"{cache}\""
    )
}

/// Every variable but `password`, `ipv6` and `no_verify`, one in each line.
fn every_variable(dovecot: &Dovecot, icinga: &Icinga) -> String {
    let ini = icinga.path("plugins.ini").display().to_string();
    let variables = [
        ("extra_opts", format!("\"imap@{ini}\"")),
        ("hostname", "\"localhost\"".to_owned()),
        ("port", dovecot.imaps_port.to_string()),
        ("ipv4", "true".to_owned()),
        ("every_address", "true".to_owned()),
        ("tls", "\"implicit\"".to_owned()),
        ("tls_name", "\"imap.example.org\"".to_owned()),
        ("ca_file", format!("\"{}\"", dovecot.ca_file)),
        ("tls_min", "\"1.2\"".to_owned()),
        ("username", "\"ordinary\"".to_owned()),
        ("password_file", format!("\"{}\"", dovecot.password_file("ordinary").display())),
        ("mailbox", "[ \"INBOX\", \"Sent Items\" ]".to_owned()),
        ("operation", "[ \"examine:Archive\", \"select:Entwürfe\" ]".to_owned()),
        ("examine", "true".to_owned()),
        ("timeout", "25".to_owned()),
        ("limit", "[ \"connect=5\", \"select=0.5m\", \"select:Sent Items=6s\" ]".to_owned()),
        ("warning", "[ 20, \"select:Sent Items=15\" ]".to_owned()),
        ("critical", "[ 22.5, \"tls.cert_days=2:\" ]".to_owned()),
        ("on_timeout", "[ \"select=critical\" ]".to_owned()),
        ("on_failure", "[ \"select=warning\", \"logout=warning\" ]".to_owned()),
        ("on_alert", "\"critical\"".to_owned()),
        ("on_read_only", "\"warning\"".to_owned()),
        ("output", "\"nagios\"".to_owned()),
        ("textfile", format!("\"{}\"", icinga.path("run/metrics.prom").display())),
        ("exit_ok", "true".to_owned()),
        ("perfdata_u", "true".to_owned()),
        ("verbose", "3".to_owned()),
    ];
    variables.map(|(name, value)| format!("imap_session_{name} = {value}")).join("\n")
}

/// A zone for a daemon without a cluster, as Debian has it.
fn zone_of_one(name: &str) -> String {
    format!(
        "object Endpoint \"{name}\" {{ }}\nobject Zone \"{name}\" {{ endpoints = [ \"{name}\" ] }}\n\
         object Zone \"global-templates\" {{ global = true }}\n"
    )
}

/// A text in Icinga's language, as a value in which macros are resolved.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$"))
}

/// The long options that `--help` tells, without those that only print a text.
fn options() -> BTreeSet<String> {
    let help = output(Command::new(BINARY).arg("--help"));
    let help = String::from_utf8(help.stdout).unwrap();
    let lines = help.lines().filter(|line| line.starts_with("  -") || line.starts_with("      --"));
    let names = lines.filter_map(|line| line.split_once("--")).map(|(_, rest)| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default().to_owned()
    });
    // Many runs of --repeat are for a person: no scheduler takes their output.
    let by_hand = ["help", "version", "repeat", "interval"];
    let names: BTreeSet<String> = names.filter(|name| !by_hand.contains(&name.as_str())).collect();
    assert!(names.len() > 20, "{names:?}");
    names
}

/// Takes what `GraphiteWriter` sends.
struct Collector {
    port: u16,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&taken);
        spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut piece = [0; 4096];
                while let Ok(size @ 1..) = stream.read(&mut piece) {
                    into.lock().unwrap().extend_from_slice(&piece[..size]);
                }
            }
        });
        Self { port, taken }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.taken.lock().unwrap()).into_owned()
    }
}
