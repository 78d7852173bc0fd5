//! An OAuth 2.0 server that somebody else has written, the npm package oidc-provider: the plugin gets a token from it by
//! each grant, and a Dovecot asks it about each token (RFC 7662).

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use openssl::rsa::Rsa;
use serde_json::Value;
use tempfile::TempDir;

use crate::real::{Daemon, free_port, have, install_by_npm, run, wait_for};
use crate::testkit::dovecot::Dovecot;
use crate::testkit::plugin::{Plugin, Run};

/// The secret with which Dovecot asks.
const SECRET: &str = "Dovecot-May-Ask-2718";
const REFUSED: &str =
    "login failed: NO [AUTHENTICATIONFAILED] Authentication failed (the server refused the token: status 401, ";
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn tokens_of_an_independent_oauth_server_log_in_at_a_dovecot_that_asks_it() {
    if !have(&["node", "npm", "curl"]) {
        return;
    }
    let program = tempfile::tempdir().unwrap();
    if !install_by_npm("tests/consumers/oauth", program.path()) {
        return;
    }
    let mut server = OauthServer::start(program.path());
    every_grant_logs_in(&server);
    each_refusal_is_reported_in_the_words_of_the_server(&server);
    a_cached_token_is_used_until_it_is_withdrawn(&server);

    server.daemon = None;
    let run = server.by_client().run();
    let reason = format!("token failed: 127.0.0.1 port {}: connection refused", server.port);
    check_refused(&run, &reason);
}

fn every_grant_logs_in(server: &OauthServer) {
    for mechanism in ["xoauth2", "oauthbearer"] {
        for plugin in [server.by_client(), server.by_refresh_token(), server.by_service_account("account.json")] {
            let run = plugin.args(["--auth", mechanism, "-vvv"]).run();
            assert_eq!(run.check_sound().code, 0, "{run:#?}");
            assert!(run.phase_line("token").is_some(), "{run:#?}");
            server.check_secrets(&run);
        }
    }
    let asked = server.count("POST /token/introspection 200");
    assert!(asked >= 6, "Dovecot asked {asked} times");
}

fn each_refusal_is_reported_in_the_words_of_the_server(server: &OauthServer) {
    server.write("wrong", "not-the-secret-at-all\n");
    let key = Rsa::generate(2048).unwrap().private_key_to_pem().unwrap();
    let mut account: Value = serde_json::from_slice(&fs::read(server.file("account.json")).unwrap()).unwrap();
    account["private_key"] = String::from_utf8(key).unwrap().into();
    server.write("foreign.json", &account.to_string());

    let wrong = server.file("wrong");
    for (plugin, reason) in [
        (
            server.by_client().arg("--oauth-client-secret-file").arg(&wrong),
            "token failed: invalid_client: client authentication failed",
        ),
        (
            server.by_client().args(["--oauth-client-id", "mail program"]),
            "token failed: invalid_request: requested grant type is not allowed for this client",
        ),
        (
            server.by_client().args(["--oauth-client-id", "mail program", "--oauth-refresh-token-file"]).arg(&wrong),
            "token failed: invalid_grant: grant request is invalid",
        ),
        (server.by_service_account("foreign.json"), "token failed: invalid_grant: signature verification failed"),
        (
            server.by_service_account("account.json").args(["--oauth-token-url", &server.url("localhost")]),
            "token failed: invalid_grant: unexpected \"aud\" claim value",
        ),
        (server.by_client().args(["--oauth-scope", "offline_access"]), REFUSED),
        (server.by_client().args(["-u", "reader"]), REFUSED),
        (server.plugin().arg("--password-file").arg(&wrong), REFUSED),
    ] {
        let run = plugin.arg("-vvv").run();
        check_refused(&run, reason);
        assert!(!run.stdout.contains("not-the-secret-at-all"), "{run:#?}");
        server.check_secrets(&run);
    }
}

fn a_cached_token_is_used_until_it_is_withdrawn(server: &OauthServer) {
    let granted = || server.count("POST /token 200");
    let token = || server.cached("access_token");
    let (first, before) = (token(), granted());
    let run = server.by_refresh_token().arg("-v").run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    assert!(run.phase_line("token").unwrap().contains("from the cache, expires in "), "{run:#?}");
    assert_eq!((token(), granted()), (first.clone(), before));

    server.withdraw(&first);
    let run = server.by_refresh_token().run();
    check_refused(&run, "login failed: the cached token was refused: NO [AUTHENTICATIONFAILED]");

    // The refresh token in the file was used up by the first run. The server has sent another one.
    let run = server.by_refresh_token().arg("-v").run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    assert!(!run.phase_line("token").unwrap().contains("from the cache"), "{run:#?}");
    assert!(token() != first && granted() == before + 1, "{run:#?}");
    fs::remove_file(server.file("cache")).unwrap();
    check_refused(&server.by_refresh_token().run(), "token failed: invalid_grant: grant request is invalid");
}

fn check_refused(run: &Run, reason: &str) {
    assert!(run.check_sound().code == 2 && run.summary().contains(reason), "{reason}: {run:#?}");
}

/// An OAuth server, and a Dovecot that knows nothing of tokens but what this server says.
struct OauthServer {
    port: u16,
    /// None once it has been stopped.
    daemon: Option<Daemon>,
    dovecot: Dovecot,
    /// What a provider hands out, and the log.
    folder: TempDir,
}

impl OauthServer {
    fn start(program: &Path) -> Self {
        let port = free_port();
        let introspection = format!("https://dovecot:{SECRET}@127.0.0.1:{port}/token/introspection");
        let dovecot = Dovecot::start_with(&[("INTROSPECTION_URL", &introspection)]);
        let folder = tempfile::tempdir().unwrap();
        let mut node = Command::new("node");
        node.arg(program.join("server.mjs"))
            .arg(port.to_string())
            .args(["good.pem", "key.pem"].map(|name| dovecot.file(name)));
        let log = folder.path().join("log");
        let daemon = Daemon::start(node.arg(folder.path()).args(["ordinary", SECRET]), &log);
        wait_for("the OAuth server", LIMIT, || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { port, daemon: Some(daemon), dovecot, folder }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/token", self.port)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.file(name), content).unwrap();
    }

    /// A check that lacks its token.
    fn plugin(&self) -> Plugin {
        let port = self.dovecot.imaps_port.to_string();
        let plugin = Plugin::new(["-H", "127.0.0.1", "-p", &port, "-u", "ordinary", "--auth", "xoauth2", "-t", "30"]);
        plugin.args(["--ca-file", &self.dovecot.ca_file])
    }

    fn with_url(&self) -> Plugin {
        self.plugin().args(["--oauth-scope", "mail", "--oauth-token-url", &self.url("127.0.0.1")])
    }

    fn by_client(&self) -> Plugin {
        let plugin = self.with_url().args(["--oauth-client-id", "application", "--oauth-client-secret-file"]);
        plugin.arg(self.file("client-secret"))
    }

    /// With a cache, as this server takes each refresh token once.
    fn by_refresh_token(&self) -> Plugin {
        let plugin = self.by_client().args(["--oauth-client-id", "mail program", "--oauth-refresh-token-file"]);
        plugin.arg(self.file("refresh-token")).arg("--oauth-cache").arg(self.file("cache"))
    }

    fn by_service_account(&self, file: &str) -> Plugin {
        self.with_url().arg("--oauth-service-account").arg(self.file(file))
    }

    /// A token in the cache.
    fn cached(&self, field: &str) -> String {
        let cache: Value = serde_json::from_slice(&fs::read(self.file("cache")).unwrap()).unwrap();
        cache[field].as_str().unwrap().to_owned()
    }

    /// Revokes a token of the mail program (RFC 7009).
    fn withdraw(&self, token: &str) {
        let secret = fs::read_to_string(self.file("client-secret")).unwrap();
        let mut curl = Command::new("curl");
        curl.args([
            "-sSf",
            "--noproxy",
            "*",
            "--cacert",
            &self.dovecot.ca_file,
            &format!("{}/revocation", self.url("127.0.0.1")),
        ]);
        for (name, value) in [("client_id", "mail program"), ("client_secret", secret.trim()), ("token", token)] {
            curl.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        run(&mut curl);
    }

    /// How often this is a line of the log.
    fn count(&self, request: &str) -> usize {
        fs::read_to_string(self.file("log")).unwrap().lines().filter(|line| *line == request).count()
    }

    fn check_secrets(&self, run: &Run) {
        let secrets = ["client-secret", "refresh-token"].map(|name| fs::read_to_string(self.file(name)).unwrap());
        let cached =
            self.file("cache").exists().then(|| ["access_token", "refresh_token"].map(|name| self.cached(name)));
        for secret in secrets.iter().chain(cached.iter().flatten()) {
            assert!(!run.stdout.contains(secret.trim()), "{secret} is in: {run:#?}");
        }
    }
}
