//! The man page under man(1), the completions in real shells with a real Tab. That they are what the tables make of them,
//! is tested elsewhere.

use crate::real::{have, project, run};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_man_page_renders_without_a_warning() {
    if !have(&["man", "groff"]) {
        return;
    }
    // As lintian asks for it: -Z gives what groff makes of it before any device, warnings go to standard error.
    let page = project("debian/check_imap_session.1");
    let man = |arguments: &[&str]| {
        let mut command = Command::new("man");
        command.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80").args(arguments).arg("-l").arg(&page);
        crate::real::output(&mut command)
    };
    let warned = man(&["--warnings", "-E", "UTF-8", "-Tutf8", "-Z"]);
    assert_eq!(String::from_utf8_lossy(&warned.stderr), "");
    assert!(warned.status.success());

    let shown = man(&["-P", "cat"]);
    let text = String::from_utf8_lossy(&shown.stdout);
    for wanted in ["CHECK_IMAP_SESSION(1)", "EXIT STATUS", "--hostname HOST", "~:10"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

/// What is typed behind the command, Tab included, and what arguments the command then gets.
const TYPED: &[(&str, &str)] = &[
    ("--tls st\t", "<--tls><starttls>"),
    ("--tls=st\t", "<--tls=starttls>"),
    ("--tls-min 1.3 --every\t", "<--tls-min><1.3><--every-address>"),
    ("-o pro\t --exit\t", "<-o><prometheus><--exit-ok>"),
    ("--on-timeout crit\t", "<--on-timeout><critical>"),
    ("--on-failure=sel\twarn\t", "<--on-failure=select=warning>"),
    ("--limit gre\t2", "<--limit><greeting=2>"),
    ("-w tls.c\t21: --perf\t", "<-w><tls.cert_days=21:><--perfdata-u>"),
    ("--limit select:INBOX=1 --no-v\t", "<--limit><select:INBOX=1><--no-verify>"),
    ("-u joe@example.org -m \t", "<-u><joe@example.org><-m><INBOX>"),
    ("-O ex\tI\t -p 9\t", "<-O><examine:INBOX><-p><993>"),
    ("--operation=select:I\t --no-v\t", "<--operation=select:INBOX><--no-verify>"),
    ("-O qu\t --no-v\t", "<-O><quota><--no-verify>"),
    ("-O qu\t:I\t --no-v\t", "<-O><quota:INBOX><--no-verify>"),
    ("-O sea\tI\tUNSEEN --no-v\t", "<-O><search:INBOX?UNSEEN><--no-verify>"),
    ("--limit select:I\t1", "<--limit><select:INBOX=1>"),
    ("--limit search:I\tALL=1", "<--limit><search:INBOX?ALL=1>"),
    ("--limit list=1 --no-v\t", "<--limit><list=1><--no-verify>"),
    ("-w search.m\t:I\tALL=1 --no-v\t", "<-w><search.matches:INBOX?ALL=1><--no-verify>"),
    ("-w quota.s\t:I\t80", "<-w><quota.storage:INBOX=80>"),
    ("-c select.messages:I\t1:", "<-c><select.messages:INBOX=1:>"),
    ("--ca-file c\t", "<--ca-file><ca file.pem>"),
    ("--password-file sub\tp\t", "<--password-file><sub/password>"),
    ("--textfile p\t", "<--textfile><plugins.ini>"),
    ("--extra-opts=imap@p\t", "<--extra-opts=imap@plugins.ini>"),
];

/// Some files to complete, and the lines as they are typed into `shell.in`.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    fs::create_dir_all(desk.path().join("files/sub")).unwrap();
    for file in ["files/ca file.pem", "files/plugins.ini", "files/sub/password"] {
        fs::write(desk.path().join(file), "").unwrap();
    }
    let lines = TYPED.iter().map(|(typed, _)| format!("check_imap_session {typed}\n"));
    fs::write(desk.path().join("shell.in"), lines.collect::<String>() + "exit\n").unwrap();
    desk
}

/// Runs a shell on a terminal of its own in the folder and compares what the command was given.
fn assert_completed(desk: &Path, script: &str) {
    let mut command = Command::new("timeout");
    command.args(["120", "sh", "-c", script]).current_dir(desk.join("files"));
    command.env("HOME", desk).env("ZDOTDIR", desk).env("INPUTRC", "/dev/null").env("TERM", "dumb");
    command.env("LC_ALL", "C.UTF-8").env("DESK", desk);
    let shown = run(&mut command);
    let got: Vec<&str> =
        shown.lines().filter_map(|line| line.trim_end().split_once("ARGUMENTS<").map(|(_, got)| got)).collect();
    let wanted: Vec<&str> = TYPED.iter().map(|(_, wanted)| wanted.strip_prefix('<').unwrap()).collect();
    assert_eq!(got, wanted, "{shown}");
}

/// Stands for the plugin. Its name for the line is put together only when it runs, so that an echo of this is none.
const STAND_IN: &str = "check_imap_session() { printf '%s' ARG UMENTS; printf '<%s>' \"$@\"; echo; }\n";

#[test]
fn bash_completes_options_values_phases_and_files() {
    if !have(&["bash", "script"]) {
        return;
    }
    let desk = desk();
    let completion = project("debian/completions/check_imap_session.bash");
    let start = format!("PS1=\n{STAND_IN}source '{}'\n", completion.display());
    fs::write(desk.path().join("bashrc"), start).unwrap();
    assert_completed(
        desk.path(),
        "script -qec 'bash --noprofile --rcfile \"$DESK/bashrc\" -i' /dev/null <\"$DESK/shell.in\"",
    );
}

#[test]
fn zsh_completes_options_values_phases_and_files() {
    if !have(&["zsh", "script"]) {
        return;
    }
    let desk = desk();
    let folder = project("debian/completions");
    // It is found by its name and #compdef line, as in a folder of the system.
    let start =
        format!("PS1=\nfpath=('{}' $fpath)\nautoload -U compinit\ncompinit -u -D\n{STAND_IN}", folder.display());
    fs::write(desk.path().join(".zshrc"), start).unwrap();
    assert_completed(desk.path(), "script -qec 'zsh -d -i' /dev/null <\"$DESK/shell.in\"");
}
