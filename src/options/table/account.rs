//! Options that say who logs in, and what is done then.

use super::super::values::{
    explain_no_password, parse_mailbox, parse_mechanism, parse_operation, parse_password_command,
    parse_password_source, parse_username,
};
use super::{Completes, Given, InCheck, Opt, Options, Section, add, put};
use crate::credentials::source::PasswordSource;
use crate::imap::auth;
use crate::operation::SELECT;
use crate::plan::RequestedTask;

/// Account and operations.
pub static SECTION: Section = Section {
    title: "Account and operations",
    options: &[
        Opt {
            short: "u",
            long: "username",
            value: "USER",
            help: "account to log in with; required, except with --auth external",
            doc: "Account to log in with. Required, except with `--auth external`.",
            completes: Completes::Nothing,
            given: Given::Once,
            // It stands first in the label, without the option.
            in_check: InCheck::No,
            set: |o, v| put(&mut o.username, parse_username(v)),
        },
        Opt {
            short: "",
            long: "auth",
            value: "MECHANISM",
            help: "how to log in, default login; the mechanisms are listed below",
            doc: "How to log in. `login` (default) is the LOGIN command. `plain`, `scram-sha-1`, `scram-sha-256` and \
                  `scram-sha-512` prove the same password by a SASL mechanism; SCRAM does not send it. With `-plus` behind it, \
                  SCRAM is bound to the TLS connection. `xoauth2` and `oauthbearer` send an access token in place of the \
                  password. `external` sends no secret at all.",
            completes: Completes::Mechanisms,
            given: Given::Once,
            in_check: InCheck::Value(|o| {
                let name = o.mechanism.name;
                Some(name).filter(|name| *name != auth::DEFAULT.name).map(str::to_owned)
            }),
            set: |o, v| put(&mut o.mechanism, parse_mechanism(v)),
        },
        Opt {
            short: "",
            long: "authzid",
            value: "NAME",
            help: "act as this user (SASL authorization identity)",
            doc: "Act as this user, while USER logs in (the authorization identity of SASL). Not with `--auth login` and \
                  `--auth xoauth2`, which have no place for it.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::Value(|o| o.authzid.clone()),
            set: |o, v| put(&mut o.authzid, parse_username(v).map(Some)),
        },
        Opt {
            short: "",
            long: "password-file",
            value: "FILE",
            help: "file whose first line is the password or the access token; - is standard input (default: \
                   $IMAP_SESSION_PASSWORD)",
            doc: "File whose first line is the password, or the access token with `--auth xoauth2` and `--auth oauthbearer`; \
                  `-` is standard input, and if that is a terminal, the plugin asks for the password and does not show \
                  it. Without this option and `--password-command`, the environment variable `IMAP_SESSION_PASSWORD` is \
                  used. No option takes the password itself, because `ps` would show it.",
            completes: Completes::Files,
            given: Given::InsteadOf("password-command"),
            in_check: InCheck::No,
            set: |o, v| set_password(o, parse_password_source(v)?),
        },
        Opt {
            short: "",
            long: "password-command",
            value: "COMMAND",
            help: "shell command whose first line of output is the password",
            doc: "Command for `sh -c`; the first line that it prints is the password. Its standard input is empty. It runs at \
                  each check, and its time counts for `-t`: at that limit it is ended with all processes that it has \
                  started. If it fails, the check is UNKNOWN and shows the last line of its standard error.",
            completes: Completes::Nothing,
            given: Given::InsteadOf("password-file"),
            in_check: InCheck::No,
            set: |o, v| set_password(o, parse_password_command(v)?),
        },
        Opt {
            short: "P",
            long: "password",
            value: "PASSWORD",
            help: "",
            doc: "",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::No,
            set: |_, _| Err(explain_no_password()),
        },
        Opt {
            short: "m",
            long: "mailbox",
            value: "NAME",
            help: "mailbox to open by SELECT, repeatable, default INBOX",
            doc: "Mailbox to open by SELECT, in UTF-8. Repeatable: the mailboxes are opened in the order of the \
                  options. The default is `INBOX`. At most 250, with 8,192 bytes of names in all.",
            completes: Completes::Mailboxes,
            given: Given::Repeatedly,
            in_check: InCheck::Values(|o| if has_only_selects(o) { list_mailboxes(o) } else { Vec::new() }),
            set: |o, v| add(&mut o.plan.tasks, parse_mailbox(v)),
        },
        Opt {
            short: "O",
            long: "operation",
            value: "NAME[:MAILBOX[?KEYS]]",
            help: "IMAP operation, repeatable; -m NAME is short for -O select:NAME",
            doc: "IMAP operation to perform, such as `status:INBOX`. Repeatable: `-m` and `-O` are performed in the \
                  order in which they are given. `-m NAME` is short for `-O select:NAME`.",
            completes: Completes::Operations,
            given: Given::Repeatedly,
            in_check: InCheck::Values(|o| if has_only_selects(o) { Vec::new() } else { list_operations(o) }),
            set: |o, v| add(&mut o.plan.tasks, parse_operation(v)),
        },
        Opt {
            short: "",
            long: "examine",
            value: "",
            help: "open mailboxes read-only, by EXAMINE instead of SELECT",
            doc: "Open mailboxes read-only, by EXAMINE instead of SELECT.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::Flag(|o| o.plan.read_only),
            set: |o, _| put(&mut o.plan.read_only, Ok(true)),
        },
    ],
};

/// Of several files the last one counts, as of several commands. Which of both is meant is not guessed.
fn set_password(options: &mut Options, source: PasswordSource) -> Result<(), String> {
    let is_command = |source: &PasswordSource| matches!(source, PasswordSource::Command(_));
    let is_given = !matches!(options.password, PasswordSource::Value(_));
    if is_given && is_command(&options.password) != is_command(&source) {
        return Err("--password-file and --password-command exclude each other, right is one of them".to_owned());
    }
    options.password = source;
    Ok(())
}

/// Whether `-m` says it all.
fn has_only_selects(options: &Options) -> bool {
    options.plan.tasks.iter().all(|task| task.operation.name == SELECT.name)
}

/// The mailboxes, unless they are the default.
fn list_mailboxes(options: &Options) -> Vec<String> {
    let mailboxes: Vec<String> = options.plan.tasks.iter().filter_map(|task| task.target.clone()).collect();
    if mailboxes == ["INBOX"] { Vec::new() } else { mailboxes }
}

/// Each task as `--operation` has it.
fn list_operations(options: &Options) -> Vec<String> {
    let write = |task: &RequestedTask| {
        let target = task.target.as_ref().map(|target| format!(":{target}")).unwrap_or_default();
        format!("{}{target}", task.operation.name)
    };
    options.plan.tasks.iter().map(write).collect()
}
