//! Bad usage as a table, and what a shell or a daemon may do to the plugin besides.
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::resolver::Resolver;
use crate::testkit::labels::label;
use crate::testkit::plan::{Mode, Plan, Task};
use crate::testkit::plugin::{BINARY, Plugin, Run};
use crate::testkit::server::Server;
use crate::testkit::step::Step;
use crate::testkit::well_behaved::well;

/// Arguments beside the required ones, and what the answer must name: the thing that is wrong
/// and what would be right.
const BAD: &[(&[&str], &[&str])] = &[
    // Options that are not there, or lack their value.
    (&["--mailboxes", "INBOX"], &["--mailboxes"]),
    (&["-x"], &["-x"]),
    (&["-t"], &["-t"]),
    (&["--limit"], &["--limit"]),
    (&["--examine=yes"], &["--examine"]),
    (&["INBOX"], &["INBOX"]),
    (&["", "INBOX"], &["INBOX"]),
    (&["--", "--examine"], &["--examine"]),
    // Host, port, family, TLS.
    (&["-H", ""], &["--hostname"]),
    (&["-u", ""], &["--username"]),
    (&["-p", "0"], &["--port", "0", "65535"]),
    (&["-p", "70000"], &["--port", "70000", "65535"]),
    (&["-p", "abc"], &["--port", "abc", "65535"]),
    (&["-p", "-1"], &["--port", "-1"]),
    (&["-p", ""], &["--port"]),
    (&["-4", "-6"], &["-4", "-6"]),
    (&["--tls", "foo"], &["--tls", "foo", "implicit", "starttls", "none"]),
    (&["--tls", "Implicit "], &["--tls", "implicit"]),
    (&["--tls-min", "9"], &["--tls-min", "9", "1.2", "1.3"]),
    (&["--tls-min", "tls"], &["--tls-min", "tls", "1.2"]),
    (&["--tls-name", ""], &["--tls-name"]),
    (&["--source", "imap.example.org"], &["--source", "imap.example.org", "192.0.2.7"]),
    (&["--source", ""], &["--source", "192.0.2.7"]),
    (&["--source", "127.0.0.1", "-6"], &["--source", "127.0.0.1", "-6"]),
    (&["-4", "--source", "[::1]"], &["--source", "::1", "-4"]),
    (&["--proxy-protocol", "3"], &["--proxy-protocol", "3", "1, 2"]),
    // Mailboxes.
    (&["-m", ""], &["--mailbox"]),
    (&["-m", "INBOX", "-m", ""], &["--mailbox"]),
    // Operations.
    (&["-O", "fetch:INBOX"], &["--operation", "fetch", "search", "remove"]),
    (&["-O", ""], &["--operation"]),
    (&["-O", "noop:INBOX"], &["--operation", "noop", "INBOX"]),
    (&["-O", "id:"], &["--operation", "id"]),
    (&["-O", "age"], &["--operation", "age:INBOX"]),
    (&["-O", "age:"], &["--operation", "age:INBOX"]),
    (&["-O", "quota:"], &["--operation", "quota"]),
    (&["-O", "list:"], &["--operation", "list"]),
    (&["-O", "search:INBOX"], &["--operation", "search:INBOX?UNSEEN"]),
    (&["-O", "search:INBOX?"], &["--operation", "search:INBOX?UNSEEN"]),
    (&["-O", "search:?UNSEEN"], &["--operation", "search:INBOX?UNSEEN"]),
    (&["-O", "search:INBOX?SUBJECT ü"], &["--operation", "ASCII"]),
    (&["-O", "search:INBOX?UNSEEN\r\na9 DELETE INBOX"], &["--operation", "ASCII"]),
    (&["-O", "search:INBOX?SUBJECT {5}"], &["--operation", "search:INBOX?UNSEEN"]),
    (&["--examine", "-O", "append:INBOX"], &["--examine", "append"]),
    (&["--examine", "-O", "remove:INBOX"], &["--examine", "remove"]),
    (&["-O", "noop", "-w", "noop.time:INBOX=1"], &["--warning", "noop"]),
    (&["-O", "age:INBOX", "-w", "age.newest:Archive=1"], &["--warning", "Archive", "INBOX"]),
    (&["-O", "age:INBOX", "-w", "age.middle=1"], &["--warning", "middle", "oldest", "newest"]),
    (&["-O", "search:INBOX?UNSEEN", "-w", "search.matches:INBOX=1"], &["--warning", "INBOX?UNSEEN"]),
    (&["-O", "append:INBOX", "--limit", "idle=1"], &["--limit", "idle", "append", "remove"]),
    // Times.
    (&["-t", "0"], &["--timeout", "0"]),
    (&["-t", "-1"], &["--timeout", "-1"]),
    (&["-t", "nan"], &["--timeout", "nan"]),
    (&["-t", "inf"], &["--timeout", "inf"]),
    (&["-t", "5x"], &["--timeout", "5x"]),
    (&["-t", "1e3"], &["--timeout", "1e3"]),
    (&["-t", ""], &["--timeout"]),
    (&["-t", "8 s"], &["--timeout", "8 s"]),
    (&["-t", "1,5"], &["--timeout", "1,5"]),
    (&["-t", "."], &["--timeout", "."]),
    (&["-t", "99999999999999999999999999"], &["--timeout", "99999999"]),
    // Limits.
    (&["--limit", "logon=3"], &["--limit", "logon", "resolve", "connect", "tls", "login"]),
    (&["--limit", "login"], &["--limit", "login"]),
    (&["--limit", "login="], &["--limit", "login"]),
    (&["--limit", "login=0"], &["--limit", "0"]),
    (&["--limit", "=3"], &["--limit"]),
    (&["--limit", "3"], &["--limit", "3"]),
    (&["--limit", "LOGIN=3"], &["--limit", "LOGIN", "login"]),
    (&["--limit", "select:Nope=1"], &["--limit", "Nope", "INBOX"]),
    (&["--limit", "login:INBOX=1"], &["--limit", "login", "INBOX"]),
    (&["--limit", "starttls=1"], &["--limit", "starttls"]),
    // Thresholds.
    (&["-w", "select:Nope=1"], &["--warning", "Nope", "INBOX"]),
    (&["-c", "select:inboxes=1"], &["--critical", "inboxes"]),
    (&["-c", "select.foo=1"], &["--critical", "foo", "messages"]),
    (&["-w", "login:INBOX=1"], &["--warning", "login"]),
    (&["-w", "login.messages=1"], &["--warning", "messages"]),
    (&["-w", "logon=1"], &["--warning", "logon", "login"]),
    (&["-w", "starttls=1"], &["--warning", "starttls"]),
    (&["-w", ""], &["--warning"]),
    (&["-w", "login="], &["--warning"]),
    (&["-c", "nan"], &["--critical", "nan"]),
    (&["-c", "inf"], &["--critical", "inf"]),
    (&["-c", "1:inf"], &["--critical", "1:inf"]),
    (&["-c", "10:5"], &["--critical", "10:5"]),
    (&["-c", "@"], &["--critical", "@"]),
    (&["-c", "5:x"], &["--critical", "5:x"]),
    (&["-c", "login=1 2"], &["--critical", "1 2"]),
    (&["-c", "login=1 s"], &["--critical", "1 s", "500ms"]),
    (&["-c", "select.messages=5s"], &["--critical", "select.messages", "without a unit"]),
    (&["-c", "tls.cert_days=21d:"], &["--critical", "tls.cert_days", "without a unit"]),
    (&["-c", "1,5"], &["--critical", "1,5"]),
    (&["-c", "~"], &["--critical", "~"]),
    (&["--tls", "none", "-w", "tls.cert_days=21:"], &["--warning", "tls"]),
    (&["--tls", "none", "--limit", "tls=1"], &["--limit", "tls"]),
    // States.
    (&["--on-timeout", "maybe"], &["--on-timeout", "maybe", "critical"]),
    (&["--on-timeout", "login=maybe"], &["--on-timeout", "maybe", "critical"]),
    (&["--on-failure", "logon=ok"], &["--on-failure", "logon", "login"]),
    (&["--on-failure", ""], &["--on-failure"]),
    (&["--on-failure", "select:Nope=ok"], &["--on-failure", "Nope"]),
    // No password on the command line, and no echo of one.
    (&["-P", "opensesame"], &["--password-file", "IMAP_SESSION_PASSWORD"]),
    (&["-Popensesame"], &["--password-file", "IMAP_SESSION_PASSWORD"]),
    (&["--password", "opensesame"], &["--password-file", "IMAP_SESSION_PASSWORD"]),
    (&["--password=opensesame"], &["--password-file", "IMAP_SESSION_PASSWORD"]),
    (&["--password-file", ""], &["--password-file"]),
    (&["--password-command", ""], &["--password-command", "pass show"]),
    (&["--password-command", "true", "--password-file", "f"], &["--password-file", "--password-command", "exclude"]),
    (&["--password-file", "-", "--password-command", "true"], &["--password-file", "--password-command", "exclude"]),
    (&["--ca-file", ""], &["--ca-file"]),
    (&["--client-cert", ""], &["--client-cert"]),
    (&["--client-key", "key.pem"], &["--client-key", "--client-cert FILE"]),
    (&["--client-cert", "f", "--tls", "none"], &["--client-cert", "implicit or starttls"]),
    (&["--client-key", "f", "--tls", "none"], &["--client-key", "--client-cert FILE"]),
    // Ini files.
    (&["--extra-opts=@/nonexistent/plugins.ini"], &["/nonexistent/plugins.ini"]),
    (&["--extra-opts=imap@/nonexistent/plugins.ini"], &["/nonexistent/plugins.ini"]),
];

#[test]
fn bad_usage_is_one_line_that_names_it_and_no_packet_is_sent() {
    let listener = listener();
    let mut failures = Vec::new();
    for (args, named) in BAD {
        let run = with_required(port(&listener), args.iter().map(OsStr::new)).run();
        if let Err(fault) = is_refusal(&run, named) {
            failures.push(format!("--- {args:?}: {fault}\n{run:?}"));
        }
        if run.stdout.contains("opensesame") {
            failures.push(format!("--- {args:?}: echoes a password\n{run:?}"));
        }
    }
    let count = failures.len();
    assert!(count == 0, "{count} rows fail:\n{}", failures.join("\n"));
    assert!(!was_called(&listener), "a connection was made");
}

#[test]
fn what_is_required_is_asked_for_by_name() {
    let listener = listener();
    let port = port(&listener).to_string();
    let (host, user) = (["-H", "127.0.0.1"], ["-u", "probe"]);
    let at = ["-p", port.as_str()];
    let nothing: [&str; 0] = [];
    refused(&Plugin::new(nothing).run(), &["-H"]);
    let no_host = Plugin::new(at).args(user).password("x").run();
    refused(&no_host, &["-H"]);
    let no_user = Plugin::new(at).args(host).password("x").run();
    refused(&no_user, &["-u"]);
    let no_password = Plugin::new(at).args(host).args(user).run();
    refused(&no_password, &["--password-file", "IMAP_SESSION_PASSWORD"]);
    let empty_password = Plugin::new(at).args(host).args(user).password("").run();
    refused(&empty_password, &["IMAP_SESSION_PASSWORD"]);
    assert!(!was_called(&listener), "a connection was made");
}

#[test]
fn arguments_that_are_not_utf8_are_refused_in_utf8() {
    let listener = listener();
    for args in [
        [&b"-u"[..], b"us\xffer"],
        [b"-m", b"Entw\xfcrfe"],
        [b"-t", b"\xff"],
        [b"--limit", b"login=\xff"],
        [b"-w", b"select:\xff=1"],
        [b"--tls", b"\xff\x1b|\n"],
        [b"--\xff", b""],
        [b"\xff", b"\xfe"],
    ] {
        let args = args.map(OsStr::from_bytes);
        refused(&with_required(port(&listener), args).run(), &[]);
    }
    assert!(!was_called(&listener), "a connection was made");
}

#[test]
fn arguments_cannot_forge_lines_perfdata_or_control_characters() {
    let listener = listener();
    for nasty in ["a\nIMAP is OK: b", "a|b=1", "\u{1b}[31m", "\r", "\u{9b}x"] {
        for option in ["-H", "-t", "--limit", "-w", "--tls", "--on-timeout", "--nasty"] {
            let args = [option, nasty].map(OsStr::new);
            refused(&with_required(port(&listener), args).run(), &[]);
        }
    }
    let long = "x".repeat(100_000);
    let args = ["--tls", long.as_str()].map(OsStr::new);
    refused(&with_required(port(&listener), args).run(), &["--tls"]);
}

#[test]
fn files_that_cannot_be_read_are_unknown_and_named() {
    let listener = listener();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let missing = folder.path().join("missing");
    let empty = file("empty", "");
    let empty_line = file("empty-line", "\nopensesame\n");
    let no_certificate = file("no-certificate", "-----BEGIN NONSENSE-----\n");
    let good = file("good", "opensesame\n");
    for (option, path) in [
        ("--password-file", missing.as_path()),
        ("--password-file", &empty),
        ("--password-file", &empty_line),
        ("--password-file", folder.path()),
        ("--ca-file", &missing),
        ("--ca-file", &empty),
        ("--ca-file", &no_certificate),
        ("--ca-file", folder.path()),
    ] {
        let mut plugin = Plugin::new(["-H", "127.0.0.1", "-u", "probe", "-p"])
            .arg(port(&listener).to_string())
            .args([OsStr::new(option), path.as_os_str()]);
        if option == "--ca-file" {
            plugin = plugin.arg("--password-file").arg(&good);
        }
        let run = plugin.run();
        run.check_sound();
        let said = (run.code, run.state());
        assert_eq!(said, (3, "UNKNOWN"), "{option} {}: {run:#?}", path.display());
        let name = path.to_str().unwrap();
        assert!(run.summary().contains(name), "{name}: {run:#?}");
        assert!(!run.stdout.contains("opensesame"), "{run:#?}");
    }
}

#[test]
fn a_byte_order_mark_before_a_password_is_named_and_never_sent() {
    let listener = listener();
    let file = tempfile::NamedTempFile::new().unwrap();
    let utf16 = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        [mark.to_vec(), "opensesame\r\n".encode_utf16().flat_map(bytes).collect()].concat()
    };
    for (content, encoding) in [
        ("\u{FEFF}opensesame\n".as_bytes().to_vec(), "UTF-8"),
        ("\u{FEFF}\n".as_bytes().to_vec(), "UTF-8"),
        (utf16(b"\xff\xfe", u16::to_le_bytes), "UTF-16"),
        (utf16(b"\xfe\xff", u16::to_be_bytes), "UTF-16"),
    ] {
        let named = [&format!("a byte order mark ({encoding})"), "without one"];
        fs::write(file.path(), &content).unwrap();
        let plugin = |option: &[&str]| {
            Plugin::new(["-H", "127.0.0.1", "-u", "probe", "-p", &port(&listener).to_string()]).args(option)
        };
        let path = file.path().to_str().unwrap();
        let by_file = plugin(&["--password-file", path]).run();
        assert!(by_file.summary().contains(&format!("--password-file: {path}: ")), "{by_file:#?}");
        let by_input = plugin(&["--password-file", "-"]).stdin(&content).run();
        let mut runs = vec![by_file, by_input];
        // A variable has no NUL.
        if encoding == "UTF-8" {
            runs.push(plugin(&[]).password(OsStr::from_bytes(&content)).run());
        }
        for run in runs {
            run.check_sound();
            assert_eq!((run.code, run.state()), (3, "UNKNOWN"), "{run:#?}");
            assert!(named.iter().all(|text| run.summary().contains(text)), "{run:#?}");
            assert!(!run.stdout.contains("opensesame"), "{run:#?}");
        }
    }
    assert!(!was_called(&listener), "a connection was made");
}

#[test]
fn ini_files_that_make_no_sense_are_refused_by_name() {
    let listener = listener();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugins.ini");
    for (argument, content, named) in [
        ("nosuchsection", "[imap]\nusername=a\n", "nosuchsection"),
        ("", "[imap]\nusername=a\n", "check_imap_session"),
        ("imap", "[imap\nusername=a\n", "line 1"),
        ("imap", "[imap]\nnosuchoption=1\n", "nosuchoption"),
        ("imap", "[imap]\n=1\n", ""),
        ("imap", "[imap]\ntimeout=never\n", "never"),
        ("imap", "[imap]\nextra-opts=imap\n", "extra-opts"),
        ("imap", "[imap]\npassword=opensesame\n", "--password-file"),
    ] {
        fs::write(&path, content).unwrap();
        let option = format!("--extra-opts={argument}@{}", path.display());
        let args = [OsStr::new(&option)];
        let run = with_required(port(&listener), args).run();
        refused(&run, &[named]);
        assert!(!run.stdout.contains("opensesame"), "{run:#?}");
    }
    assert!(!was_called(&listener), "a connection was made");
}

#[test]
fn ini_options_take_the_place_where_they_stand() {
    let server = Server::start(well(Plan::of_mailboxes(Mode::Clear, &["INBOX", "Sent Mail"]).examined()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugins.ini");
    let section = format!(
        "# a comment\n; another\n[other]\nhostname=192.0.2.1\n[imap]\n hostname = 127.0.0.1 \n\
         port={}\ntls=none\n\nmailbox=INBOX\nmailbox=Sent Mail\nexamine=\n",
        server.port
    );
    fs::write(&path, section).unwrap();
    let run = Plugin::new([format!("--extra-opts=imap@{}", path.display())])
        .args(["-u", "probe"])
        .password("opensesame")
        .run();
    run.check_sound();
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.value("select_Sent_Mail_ok"), Some(1.0));
    let commands = server.finish().commands();
    let examined = commands.iter().filter(|c| *c == "EXAMINE").count();
    assert_eq!(examined, 2, "{commands:?}");
}

#[test]
fn help_and_version_exit_3() {
    for option in ["-h", "--help"] {
        let run = Plugin::new([option]).run();
        assert_eq!((run.code, run.stderr.as_str()), (3, ""), "{run:#?}");
        assert!(run.stdout.contains("--hostname"), "{run:#?}");
        assert!(run.stdout.contains("IMAP_SESSION_PASSWORD"), "{run:#?}");
        let longest = run.stdout.lines().map(|l| l.chars().count()).max();
        assert!(longest <= Some(100), "a line of {longest:?} characters");
    }
    for option in ["-V", "--version"] {
        let run = Plugin::new([option]).run();
        assert_eq!((run.code, run.stderr.as_str()), (3, ""), "{run:#?}");
        let named = run.stdout.starts_with("check_imap_session ");
        let version = env!("CARGO_PKG_VERSION");
        assert!(named && run.stdout.contains(version), "{run:#?}");
        // The library that runs, with its version.
        let library = run.stdout.trim_end().split_once(" (").and_then(|(_, library)| library.strip_suffix(')'));
        let (name, number) = library.and_then(|library| library.split_once(' ')).unwrap_or_else(|| panic!("{run:#?}"));
        assert!(["OpenSSL", "AWS-LC"].contains(&name) && number.split('.').count() == 3, "{run:#?}");
        assert_eq!(run.stdout.lines().count(), 1);
    }
    // Whoever asks for help gets it, whatever else is wrong.
    let run = Plugin::new(["--tls", "foo", "-h"]).run();
    assert!(run.stdout.contains("--hostname"), "{run:#?}");
}

#[test]
fn an_empty_argument_as_nagios_passes_it_is_nothing() {
    let server = Server::start(happy(&["INBOX"]));
    let args = ["", "--tls", "none", ""].map(OsStr::new);
    let run = with_required(server.port, args).run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
}

#[test]
fn the_order_of_options_makes_no_difference() {
    let server = Server::start(happy(&["INBOX", "Archive"]));
    let port = server.port.to_string();
    let pairs = [
        ["--limit", "select:Archive=2"],
        ["-w", "select.messages:INBOX=1:"],
        ["-c", "5"],
        ["-w", "login=1.5"],
        ["-t", "6"],
        ["--on-timeout", "login=unknown"],
        ["-m", "INBOX"],
        ["-H", "127.0.0.1"],
        ["-m", "Archive"],
        ["--tls", "none"],
        ["-u", "probe"],
        ["-p", &port],
    ];
    let fixed = |run: &Run| -> Vec<String> {
        let items = run.perfdata().into_iter();
        let line = |i: crate::testkit::nagios::Item| format!("{} {} {} {:?}", i.label, i.warning, i.critical, i.max);
        items.map(line).collect()
    };
    let mut results = BTreeSet::new();
    for shift in 0..pairs.len() {
        let mut order = pairs.to_vec();
        order.rotate_left(shift);
        // The order of mailboxes is that of the options; all others have none.
        let mailbox = |pair: &[&str; 2]| pair[0] == "-m";
        let first = order.iter().position(mailbox).unwrap();
        let second = order.iter().rposition(mailbox).unwrap();
        if order[first][1] == "Archive" {
            order.swap(first, second);
        }
        let run = Plugin::new(order.concat()).password("x").run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        results.insert(fixed(&run));
    }
    assert_eq!(results.len(), 1, "{results:#?}");
    let items = results.first().unwrap().join("\n");
    let messages = format!("{} 1:  ", label("select", "INBOX", "messages"));
    for item in ["login 1.5  Some(6.0)", "select_Archive   Some(2.0)", "total  5 Some(6.0)", &messages] {
        assert!(items.contains(item), "no {item} in\n{items}");
    }
}

#[test]
fn times_ranges_and_selectors_are_taken_as_given() {
    let names = ["INBOX", "a=b:c d"];
    let server = Server::start(happy(&["INBOX", "a=b:c d"]));
    let [first, second] = names.map(|name| label("select", name, "messages"));
    for (args, label, expected) in [
        (&["-t", "1m"][..], "total", "  60"),
        (&["-t", "7500ms"], "total", "  7.5"),
        (&["--timeout=6s"], "total", "  6"),
        (&["--limit", "login=0.5"], "login", "  0.5"),
        (&["--limit", "select=3", "--limit", "select:a=b:c d=2s"], "select_a_b_c_d", "  2"),
        (&["-w", "2", "-c", "5"], "total", "2 5 8"),
        (&["-w", "total=2"], "total", "2  8"),
        (&["-w", "login=1.50", "-c", "login=0:3"], "login", "1.50 0:3 8"),
        (&["-w", "login.time=~:4", "-c", "login=@10:20"], "login", "~:4 @10:20 8"),
        (&["-w", "login=500ms", "-c", "@9s:1m"], "login", "0.5  8"),
        (&["-w", "login=1.50", "-c", "0:5s"], "total", " 0:5 8"),
        (&["-w", "login=@9s:1m", "-c", "login=~:1h"], "login", "@9:60 ~:3600 8"),
        (&["-c", "select=7"], "select_INBOX", " 7 8"),
        (&["-c", "select=7", "-c", "select:a=b:c d=6"], "select_a_b_c_d", " 6 8"),
        (&["-c", "select:a=b:c d=6", "-c", "select=7"], "select_a_b_c_d", " 6 8"),
        (&["-w", "select.messages:a=b:c d=1:"], &second, "1:  "),
        (&["-w", "select.messages=1:5"], &first, "1:5  "),
    ] {
        let mailboxes = names.iter().flat_map(|name| ["-m", name]);
        let args = ["--tls", "none"].into_iter().chain(mailboxes).chain(args.iter().copied());
        let run = with_required(server.port, args).run();
        run.check_sound();
        assert_eq!(run.code, 0, "{run:#?}");
        let item = run.item(label).unwrap();
        let max = item.max.map(|max| max.to_string()).unwrap_or_default();
        let said = format!("{} {} {max}", item.warning, item.critical);
        assert_eq!(said, expected, "{label}: {run:#?}");
    }
}

#[test]
fn an_option_joined_to_its_value_is_the_same() {
    let server = Server::start(happy(&["INBOX"]));
    let port = server.port;
    let run = Plugin::new([
        "-H127.0.0.1".to_owned(),
        format!("--port={port}"),
        "--tls=none".to_owned(),
        "-uprobe".to_owned(),
        "-mINBOX".to_owned(),
        "-t6".to_owned(),
    ])
    .password("x")
    .run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
}

#[test]
fn a_closed_or_full_standard_output_changes_no_exit_code() {
    let server = Server::start(vec![Step::Silence]);
    let critical = format!("-H 127.0.0.1 -p {} -u probe --tls none -t 0.3 -v", server.port);
    for redirection in [">&-", "<&- >&- 2>&-", ">/dev/full", ""] {
        for (args, code) in [(critical.as_str(), 2), ("--tls foo", 3), ("--help", 3)] {
            // Without a redirection: a pipe whose reader is gone.
            let mut child = Command::new("/bin/sh")
                .args(["-c", &format!("exec \"$0\" {args} {redirection}"), &BINARY])
                .env("IMAP_SESSION_PASSWORD", "x")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            drop(child.stdout.take());
            let start = Instant::now();
            while child.try_wait().unwrap().is_none() {
                if start.elapsed() > Duration::from_secs(20) {
                    child.kill().ok();
                    panic!("{args} {redirection} does not end");
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{args} {redirection}");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(stderr, "", "{args} {redirection}");
        }
    }
}

/// The arguments and whatever of the required ones they do not give themselves.
fn with_required<A: AsRef<OsStr>>(port: u16, args: impl IntoIterator<Item = A>) -> Plugin {
    let args: Vec<OsString> = args.into_iter().map(|a| a.as_ref().to_owned()).collect();
    let port = port.to_string();
    let required = [["-H", "127.0.0.1"], ["-p", &port], ["-u", "probe"]];
    let missing = required.iter().filter(|pair| args.iter().all(|a| a != pair[0]));
    Plugin::new(missing.flatten()).args(&args).password("secret-of-the-table")
}

fn refused(run: &Run, named: &[&str]) {
    if let Err(fault) = is_refusal(run, named) {
        panic!("{fault}\n{run:#?}");
    }
}

fn is_refusal(run: &Run, named: &[&str]) -> Result<(), String> {
    let unnamed = named.iter().find(|text| !run.summary().contains(**text));
    let ours = run.summary().contains("secret-of-the-table");
    let fault = match unnamed {
        _ if run.code != 3 => "exit code".to_owned(),
        _ if !run.stdout.starts_with("IMAP is UNKNOWN: ") => "beginning".to_owned(),
        _ if run.stdout.lines().count() != 1 => "not one line".to_owned(),
        _ if run.stdout.contains('|') => "perfdata without a plan".to_owned(),
        _ if run.elapsed > Duration::from_secs(7) => "slow".to_owned(),
        _ if ours => "the password".to_owned(),
        Some(text) => format!("does not name {text}"),
        None => {
            run.check_sound();
            return Ok(());
        }
    };
    Err(fault)
}

/// A listener that nobody should call.
fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

fn was_called(listener: &TcpListener) -> bool {
    listener.accept().is_ok()
}

/// A session without TLS in which everything goes well.
fn happy(mailboxes: &[&str]) -> Vec<Step> {
    let tasks = mailboxes.iter().map(|mailbox| Task::new("select", mailbox).yielding("messages", 3.0));
    well(Plan::new(Mode::Clear, tasks.collect()))
}

#[test]
fn a_host_brings_no_line_and_no_bar_into_the_output() {
    for host in ["::1%a|b\nc", "::1%", "a\nb", "a|b", "imap.example.org:993", "http://imap.example.org", "[::1]:993"] {
        refused(&with_required(1, ["-H", host]).run(), &["--hostname", "neither a name nor an address"]);
    }
}

#[test]
fn a_password_on_the_command_line_is_in_no_error() {
    for arguments in [&["--password", "--s3cret"][..], &["-P", "-s3cret"], &["--nonsense", "-Ps3cret"]] {
        let run = with_required(1, arguments).run();
        refused(&run, &["--password-file", "IMAP_SESSION_PASSWORD"]);
        assert!(!run.stdout.contains("s3cret"), "{run:#?}");
    }
    for argument in [&b"--password=s3cret\xff"[..], b"-Ps3cret\xff"] {
        let run = with_required(1, [OsStr::new("-v"), OsStr::from_bytes(argument)]).run();
        refused(&run, &["argument 8 is not UTF-8"]);
        assert!(!run.stdout.contains("s3cret"), "{run:#?}");
    }
}

#[test]
fn a_file_that_is_too_long_is_refused_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "x".repeat(20_000)).unwrap();
    let ini = folder.path().join("plugins.ini");
    fs::write(&ini, format!("[imap]\n{}", "; comment\n".repeat(200_000))).unwrap();
    let required = ["-H", "127.0.0.1", "-p", "1", "-u", "probe"];
    let run = Plugin::new(required).arg("--password-file").arg(&password).run();
    run.check_sound();
    assert!(run.code == 3 && run.summary().contains("more than 16384 bytes"), "{run:#?}");
    let run = Plugin::new(required).arg(format!("--extra-opts=imap@{}", ini.display())).password("x").run();
    refused(&run, &["plugins.ini", "more than 1 MiB"]);
}

#[test]
fn a_reader_that_does_not_read_does_not_keep_the_plugin() {
    let unread = |fill: &str, mailboxes: usize, limit: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{fill}; exec \"$0\" \"$@\""), &BINARY]);
        nobody_there(shell, mailboxes, limit)
    };
    let full = "head -c 65536 /dev/zero";
    // The second one begins with an empty pipe, which does not take it all.
    for (fill, mailboxes) in [(full, 1), ("true", 250), (full, 250)] {
        ends(unread(fill, mailboxes, "0.5").stdout(Stdio::piped()).spawn().unwrap());
    }
    // What comes first, the run's end or the signal, is all the same.
    let child = unread(full, 1, "600").stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    ends(child);
    if let Some(shim) = Resolver::build() {
        let mut without_threads = unread(&format!("{full}; export SHIM_NO_THREADS=1 LD_PRELOAD=$SHIM"), 1, "0.5");
        ends(without_threads.env("SHIM", shim.library()).stdout(Stdio::piped()).spawn().unwrap());
    }
}

#[test]
fn a_full_socket_does_not_keep_the_plugin() {
    let (own, _nobody, _) = full_socket();
    own.set_nonblocking(false).unwrap();
    ends(nobody_there(Command::new(&*BINARY), 1, "0.5").stdout(OwnedFd::from(own)).spawn().unwrap());
}

#[test]
fn an_output_that_does_not_wait_gets_all_in_the_end() {
    let (own, mut reader, before) = full_socket();
    let mut child = nobody_there(Command::new(&*BINARY), 1, "60").stdout(OwnedFd::from(own)).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let mut text = Vec::new();
    reader.read_to_end(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text[before..]);
    assert!(text.starts_with("# HELP ") && text.ends_with('\n'), "{text}");
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

/// A socket that takes nothing more and says so, its other end, and how much is in it.
fn full_socket() -> (UnixStream, UnixStream, usize) {
    let (own, other) = UnixStream::pair().unwrap();
    own.set_nonblocking(true).unwrap();
    let (mut filled, mut size) = (0, 4096);
    while size > 0 {
        match (&own).write(&[0; 4096][..size]) {
            Ok(written) => filled += written,
            Err(_) => size /= 2,
        }
    }
    (own, other, filled)
}

/// A check of a port where nobody listens, with much to print.
fn nobody_there(mut program: Command, mailboxes: usize, limit: &str) -> Command {
    program
        .args(["-H", "127.0.0.1", "-p", "1", "-u", "probe", "--tls=none", "-t", limit, "-o", "prometheus"])
        .args((0..mailboxes).map(|number| format!("--mailbox=a-mailbox-{number}")))
        .env("IMAP_SESSION_PASSWORD", "x");
    program
}

/// Within some seconds, while its reader stays where it is.
fn ends(mut child: Child) {
    let _reader = child.stdout.take();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(20) {
            child.kill().ok();
            child.wait().ok();
            panic!("still running");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
