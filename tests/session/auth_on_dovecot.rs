//! Logins by SASL mechanisms at a real Dovecot.
use std::path::Path;

use crate::testkit::dovecot::dovecot;
use crate::testkit::plugin::{Plugin, Run};

const BY_PASSWORD: [&str; 4] = ["login", "plain", "scram-sha-1", "scram-sha-256"];

#[test]
fn passwords_of_every_kind_log_in_by_every_mechanism() {
    for mechanism in BY_PASSWORD {
        for user in ["ordinary", "space", "quote", "backslash", "nonascii"] {
            let run = log_in(user, mechanism).password(dovecot().password(user)).run();
            check_ok(&run);
            let run = log_in(user, mechanism).arg("--password-file").arg(dovecot().password_file(user)).run();
            check_ok(&run);
        }
    }
}

#[test]
fn a_wrong_password_is_refused_by_every_mechanism() {
    for mechanism in BY_PASSWORD {
        for password in ["no-such-password", "größe", "plain-sailing-4711"] {
            let run = log_in("ordinary", mechanism).password(password).arg("-vvv").run();
            let reason = "login failed: NO [AUTHENTICATIONFAILED]";
            assert!(run.check_sound().code == 2 && run.summary().contains(reason), "{mechanism}: {run:#?}");
            assert!(!run.stdout.contains(password), "{run:#?}");
        }
    }
}

#[test]
fn scram_needs_no_tls_where_passwords_in_clear_are_refused() {
    let in_clear = |mechanism: &str| {
        let port = dovecot().imap_port.to_string();
        let plugin = Plugin::new(["-H", "127.0.0.8", "-p", &port, "--tls", "none", "-u", "ordinary", "-t", "25"]);
        plugin.args(["--auth", mechanism]).password(dovecot().password("ordinary")).run()
    };
    check_ok(&in_clear("scram-sha-256"));
    let run = in_clear("plain");
    let reason = "login failed: the server does not offer PLAIN (it offers SCRAM-SHA-1, SCRAM-SHA-256, ";
    assert!(run.check_sound().code == 2 && run.summary().contains(reason), "{run:#?}");
}

#[test]
fn an_access_token_logs_in_until_it_ends() {
    for mechanism in ["xoauth2", "oauthbearer"] {
        let with = |token: &str| {
            let plugin = log_in("ordinary", mechanism).arg("-vvv");
            plugin.arg("--password-file").arg(dovecot().token_file(token)).run()
        };
        check_ok(&with("ordinary"));
        let run = with("expired");
        let reason =
            "login failed: NO [AUTHENTICATIONFAILED] Authentication failed (the server refused the token: status ";
        assert!(run.check_sound().code == 2 && run.summary().contains(reason), "{run:#?}");
        let token = std::fs::read_to_string(dovecot().token_file("expired")).unwrap();
        assert!(!run.stdout.contains(token.trim_end()), "{run:#?}");
    }
}

#[test]
fn external_logs_in_whom_the_client_certificate_names() {
    let folder = Path::new(&dovecot().ca_file).parent().unwrap();
    let (good, foreign) = (folder.join("client.pem"), folder.join("foreign.pem"));
    for (mode, port) in [("implicit", dovecot().imaps_port), ("starttls", dovecot().imap_port)] {
        for (certificate, authzid, code) in [
            (Some(&good), None, 0),
            (Some(&good), Some("ordinary"), 0),
            (Some(&good), Some("reader"), 2),
            (Some(&foreign), None, 2),
            (None, Some("ordinary"), 2),
        ] {
            let plugin =
                Plugin::new(["-H", "127.0.0.12", "-p", &port.to_string(), "--tls", mode, "--auth", "external"]);
            let plugin = plugin.args(["-t", "25", "--ca-file", &dovecot().ca_file]);
            let plugin = plugin.args(certificate.map(|file| format!("--client-cert={}", file.display())));
            let run = plugin.args(authzid.map(|name| format!("--authzid={name}"))).run();
            assert_eq!(run.check_sound().code, code, "{certificate:?} {authzid:?}: {run:#?}");
            assert_eq!(run.summary().contains("login failed: NO [AUTHENTICATIONFAILED]"), code == 2, "{run:#?}");
            assert_eq!(run.summary().contains("(is --client-cert missing?)"), certificate.is_none(), "{run:#?}");
        }
    }
}

#[test]
fn a_token_is_for_its_own_user() {
    let run = log_in("reader", "oauthbearer").arg("--password-file").arg(dovecot().token_file("ordinary")).run();
    assert!(run.check_sound().code == 2 && run.summary().contains("login failed: NO"), "{run:#?}");
}

#[test]
fn a_mechanism_works_behind_starttls_where_the_server_is_asked_what_it_offers() {
    let port = dovecot().imap_port.to_string();
    let plugin = Plugin::new(["-H", "localhost", "-p", &port, "--tls", "starttls", "-u", "nonascii", "-t", "25"]);
    let plugin = plugin.arg("--ca-file").arg(&dovecot().ca_file).args(["--auth", "scram-sha-256"]);
    check_ok(&plugin.password(dovecot().password("nonascii")).run());
}

fn log_in(user: &str, mechanism: &str) -> Plugin {
    let port = dovecot().imaps_port.to_string();
    let plugin = Plugin::new(["-H", "localhost", "-p", &port, "-u", user, "--auth", mechanism, "-t", "25"]);
    plugin.arg("--ca-file").arg(&dovecot().ca_file)
}

fn check_ok(run: &Run) {
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
}
