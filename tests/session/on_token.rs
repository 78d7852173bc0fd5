//! The phase `token`: a token endpoint over HTTPS and all that can be wrong with it, the requests of each grant, the cache,
//! and that no secret comes back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::case::{USER, skip_host};
use crate::testkit::identity::{EXPIRED, OTHER_NAME, foreign_ca};
use crate::testkit::nagios::Run;
use crate::testkit::plan::{Mode, Phase, Plan};
use crate::testkit::plugin::Plugin;
use crate::testkit::server::{Record, Server};
use crate::testkit::step::{Step, drip, expect, leave, send, tagged};
use crate::testkit::well_behaved::script;

const CLIENT: &str = "probe client";
/// With signs that a form has to encode.
const CLIENT_SECRET: &str = "s3cr&t~of=the+client";
const REFRESH_TOKEN: &str = "1//refresh-token-of-a-person";
const TOKEN: &str = "ya29.a0-token-of_the~endpoint/1234567890";

/// Reads a request; what its form has is in the record.
fn request() -> Vec<Step> {
    let lines = [
        "POST /token HTTP/1.1",
        "Host: localhost",
        "User-Agent: check_imap_session/",
        "Accept: ",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Length: ",
        "Connection: close",
        "",
    ];
    lines.into_iter().map(expect).collect()
}

fn answer(status: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    vec![
        send(&format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")),
        Step::Close,
    ]
}

/// A whole connection of the endpoint, over TLS.
fn answering(steps: Vec<Step>) -> Vec<Step> {
    [vec![Step::StartTls], request(), steps].concat()
}

fn granting(token: &str) -> Vec<Step> {
    answering(answer("200 OK", &format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{token}"}}"#)))
}

/// The files of a monitoring host.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(files.secret(), format!("{CLIENT_SECRET}\n")).unwrap();
        fs::write(files.refresh_token(), format!("{REFRESH_TOKEN}\n")).unwrap();
        files
    }

    fn secret(&self) -> PathBuf {
        self.folder.path().join("client-secret")
    }

    fn refresh_token(&self) -> PathBuf {
        self.folder.path().join("refresh-token")
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }
}

/// A check whose token comes from this endpoint.
fn plugin(imap: u16, endpoint: &Server) -> Plugin {
    Plugin::new([
        "-H",
        "127.0.0.1",
        "-p",
        &imap.to_string(),
        "-u",
        USER,
        "--tls",
        "none",
        "-t",
        "10",
        "--auth",
        "xoauth2",
    ])
    .args(["-m", "INBOX", "-m", "Archive", "--ca-file"])
    .arg(endpoint.ca_file())
    .args(["--oauth-token-url", &format!("https://localhost:{}/token", endpoint.port)])
}

/// The same by client credentials.
fn with_client(plugin: Plugin, files: &Files) -> Plugin {
    plugin.args(["--oauth-client-id", CLIENT, "--oauth-client-secret-file"]).arg(files.secret())
}

fn with_refresh_token(plugin: Plugin, files: &Files) -> Plugin {
    plugin.args(["--oauth-client-id", CLIENT, "--oauth-refresh-token-file"]).arg(files.refresh_token())
}

fn with_cache(plugin: Plugin, files: &Files) -> Plugin {
    plugin.arg("--oauth-cache").arg(files.cache())
}

/// The forms that an endpoint got.
fn forms(record: &Record) -> Vec<String> {
    record.lines().into_iter().filter(|line| line.starts_with("grant_type=")).collect()
}

/// Asserts that no form of a secret is in the text.
fn check_secrets(text: &str, more: &[&str]) {
    for secret in [CLIENT_SECRET, REFRESH_TOKEN, TOKEN].iter().chain(more) {
        let mut hidden = vec![(*secret).to_owned(), BASE64_STANDARD.encode(secret), "s3cr%26t".to_owned()];
        // Inside a longer encoded text.
        hidden.extend((0..3).map(|before| {
            let encoded = BASE64_STANDARD.encode("x".repeat(before) + secret);
            encoded[4..encoded.len() - 4].to_owned()
        }));
        for form in hidden {
            assert!(!text.contains(&form), "{form} of {secret} is in: {text}");
        }
    }
}

/// Asserts that these are the first lines of the dialogue, without their times.
fn check_dialogue(run: &Run, lines: &[&str]) {
    let said: Vec<&str> = run.stdout.lines().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    let begin = said.iter().position(|line| line.starts_with("C: ")).unwrap_or_else(|| panic!("no dialogue: {run:#?}"));
    assert_eq!(said[begin..][..lines.len()], *lines, "{run:#?}");
}

fn note_of_token(run: &Run) -> &str {
    run.phase_line("token").unwrap_or_else(|| panic!("no phase token: {run:#?}"))
}

#[test]
fn the_token_of_a_client_is_fetched_first_and_is_the_secret_of_the_login() {
    let files = Files::new();
    for chunked in [false, true] {
        let body = format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":3599}}"#);
        let answer = if chunked {
            let (one, other) = body.split_at(20);
            let text = format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                 {:x};x=y\r\n{one}\r\n{:X}\r\n{other}\r\n0\r\n\r\n",
                one.len(),
                other.len()
            );
            vec![send(&text), Step::Silence]
        } else {
            vec![send(&format!("HTTP/1.1 200 OK\r\nX-Was: {TOKEN}\r\nDate: 1\r\n\r\n{body}")), Step::Close]
        };
        let (imap, endpoint) = (Server::start(well_with_token()), Server::start(answering(answer)));
        let plugin =
            with_client(plugin(imap.port, &endpoint), &files).args(["--oauth-scope", "mail.read offline", "-vvv"]);
        let run = plugin.run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        let labels = run.labels();
        assert_eq!(labels[..2], ["token", "resolve"], "{run:#?}");
        check_secrets(&run.stdout, &[]);
        let host = format!("Host: localhost:{}", endpoint.port);
        let form = "grant_type=client_credentials&client_id=probe+client&client_secret=***&scope=mail.read+offline";
        let sent = ["POST /token HTTP/1.1", &host, form].map(|line| format!("C: {line}"));
        let answer = if chunked {
            ["HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK", "Transfer-Encoding"].as_slice()
        } else {
            &["HTTP/1.1 200 OK", "X-Was, Date"]
        };
        let length = format!("{{{}}}", body.len());
        let received = answer.iter().copied().chain([length.as_str()]).map(|line| format!("S: {line}"));
        let lines: Vec<String> = sent.into_iter().chain(received).collect();
        check_dialogue(&run, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let record = endpoint.finish();
        record.check_expected();
        assert_eq!(
            forms(&record),
            ["grant_type=client_credentials&client_id=probe+client\
              &client_secret=s3cr%26t%7Eof%3Dthe%2Bclient&scope=mail.read+offline"]
        );
        assert!(!record.contains("Authorization"));
        check_login(&imap.finish());
    }
}

#[test]
fn a_refresh_token_is_exchanged_with_and_without_a_secret() {
    let files = Files::new();
    for with_secret in [false, true] {
        let (imap, endpoint) = (Server::start(well_with_token()), Server::start(granting(TOKEN)));
        let plugin = with_refresh_token(plugin(imap.port, &endpoint), &files);
        let plugin = if with_secret { with_client(plugin, &files) } else { plugin };
        let run = plugin.arg("-vvv").run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        check_secrets(&run.stdout, &[]);
        let shown = "C: grant_type=refresh_token&refresh_token=***&client_id=probe+client";
        assert!(run.stdout.contains(shown), "{run:#?}");
        let secret = if with_secret { "&client_secret=s3cr%26t%7Eof%3Dthe%2Bclient" } else { "" };
        let form = format!(
            "grant_type=refresh_token&refresh_token=1%2F%2Frefresh-token-of-a-person&client_id=probe+client{secret}"
        );
        assert_eq!(forms(&endpoint.finish()), [form]);
        check_login(&imap.finish());
    }
}

#[test]
fn a_service_account_signs_that_it_acts_for_the_user() {
    let files = Files::new();
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let pem = String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let file = files.folder.path().join("key.json");
    let account = json!({
        "type": "service_account", "client_email": "probe@project.example.org", "private_key_id": "1a2b",
        "private_key": pem, "token_uri": "https://elsewhere.example.org/token",
    });
    fs::write(&file, account.to_string()).unwrap();
    let (imap, endpoint) = (Server::start(well_with_token()), Server::start(granting(TOKEN)));
    let url = format!("https://localhost:{}/token", endpoint.port);
    let plugin = plugin(imap.port, &endpoint).args(["--oauth-scope", "https://mail.example.org/", "-vvv"]);
    let run = plugin.arg("--oauth-service-account").arg(&file).run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    let record = endpoint.finish();
    let forms = forms(&record);
    let jwt = forms[0].strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    let parts: Vec<&str> = jwt.unwrap_or_else(|| panic!("{forms:?}")).split('.').collect();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let claims: Value = serde_json::from_slice(&decode(parts[1])).unwrap();
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("probe@project.example.org"), &json!(USER)));
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(url), &json!("https://mail.example.org/")));
    let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
    verifier.update(format!("{}.{}", parts[0], parts[1]).as_bytes()).unwrap();
    assert!(verifier.verify(&decode(parts[2])).unwrap());
    check_secrets(&run.stdout, &[parts[2], pem.lines().nth(3).unwrap()]);
    check_login(&imap.finish());
}

#[test]
fn a_token_endpoint_at_fault_is_never_a_failed_login() {
    let files = Files::new();
    thread::scope(|scope| {
        let runs: Vec<_> = list_faults()
            .into_iter()
            .map(|(name, steps, reason)| {
                let files = &files;
                scope.spawn(move || {
                    let endpoint = Server::start(steps);
                    // A port that nobody listens on: no connection may be tried.
                    let run =
                        with_client(plugin(1, &endpoint), files).args(["-t", "4", "--limit", "token=2", "-vvv"]).run();
                    assert_eq!(run.check_sound().code, 2, "{name}: {run:#?}");
                    let wanted = format!("token {reason}");
                    assert!(skip_host(&run).starts_with(&wanted), "{name} was to give: {wanted}\n{run:#?}");
                    assert_eq!(run.value("timed_out").unwrap() > 0.5, reason.starts_with("timed"), "{name}");
                    assert!(run.value("total").unwrap() < 2.5, "{name}: {run:#?}");
                    assert!(run.peak_kib < 16 * 1024, "{name}: {} KiB", run.peak_kib);
                    let login = run.phase_line("login").unwrap();
                    assert!(login.starts_with("login: not run: token "), "{name}: {login}");
                    check_secrets(&run.stdout, &[]);
                })
            })
            .collect();
        assert!(runs.len() > 25);
    });
}

#[test]
fn a_token_endpoint_is_verified_whatever_the_options_say() {
    let files = Files::new();
    let endpoint = Server::start(granting(TOKEN));
    let foreign = foreign_ca();
    let run = with_client(plugin(1, &endpoint), &files).arg("--no-verify").arg("--ca-file").arg(foreign.path()).run();
    assert!(skip_host(&run).starts_with("token failed: localhost: certificate is not trusted: "), "{run:#?}");
    assert!(!endpoint.finish().contains("secret"));
}

#[test]
fn nobody_at_the_token_endpoint_and_no_such_name_are_said_of_it() {
    let files = Files::new();
    let endpoint = Server::start(granting(TOKEN));
    for (url, reason) in [
        ("https://localhost:1/token", "token failed: localhost: 127.0.0.1 port 1: connection refused"),
        ("https://no.such.name.invalid/token", "token failed: no.such.name.invalid: "),
    ] {
        let run = with_client(plugin(1, &endpoint), &files).args(["--oauth-token-url", url]).run();
        assert_eq!(run.check_sound().code, 2, "{run:#?}");
        let summary = skip_host(&run).replace("::1 port 1: connection refused, ", "");
        assert!(summary.starts_with(reason), "{run:#?}");
    }
}

#[test]
fn a_secret_that_cannot_be_read_is_the_fault_of_this_host() {
    let files = Files::new();
    let endpoint = Server::start(granting(TOKEN));
    let broken = files.folder.path().join("broken");
    fs::write(&broken, "rubbish\n").unwrap();
    for (option, file, said) in [
        ("--oauth-client-secret-file", "/none", "--oauth-client-secret-file: /none: No such file or directory"),
        ("--oauth-refresh-token-file", "/none", "--oauth-refresh-token-file: /none: No such file or directory"),
    ] {
        let run = plugin(1, &endpoint).args(["--oauth-client-id", CLIENT, option, file]).run();
        assert!(run.check_sound().code == 3 && run.summary().contains(said), "{run:#?}");
    }
    let run = plugin(1, &endpoint).arg("--oauth-service-account").arg(&broken).run();
    assert!(run.check_sound().code == 3 && run.summary().contains("not the JSON key of a service account"), "{run:#?}");
    assert_eq!(endpoint.finish().connections, 0);
}

#[test]
fn a_proxy_is_asked_for_a_way_and_gets_no_secret() {
    let files = Files::new();
    let endpoint = Server::start(granting(TOKEN));
    let connect = format!("CONNECT localhost:{} HTTP/1.1", endpoint.port);
    let ask = |more: Vec<Step>| {
        let head =
            vec![expect(&connect), expect("Host: "), expect("Proxy-Authorization: Basic am9lOnBAc3M="), expect("")];
        [head, more].concat()
    };
    let through = [vec![send("HTTP/1.1 200 OK\r\n\r\n")], granting(TOKEN)].concat();
    let (imap, proxy) = (Server::start(well_with_token()), Server::start(ask(through)));
    let address = |proxy: &Server| format!("http://joe:p%40ss@127.0.0.1:{}", proxy.port);
    let run = with_client(plugin(imap.port, &endpoint), &files).env("https_proxy", address(&proxy)).arg("-vvv").run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    proxy.finish().check_expected();
    check_login(&imap.finish());

    let refusal = "HTTP/1.1 407 Proxy Authentication Required, not Basic am9lOnBAc3M= of joe with p@ss\r\n\r\n";
    let proxy = Server::start(ask(vec![send(refusal), Step::Close]));
    let run = with_client(plugin(1, &endpoint), &files).env("HTTPS_PROXY", address(&proxy)).arg("-vvv").run();
    let reason = "token failed: the proxy 127.0.0.1: it opened no way to the server: \
        407 Proxy Authentication Required, not Basic ***= of joe with ***";
    assert!(skip_host(&run).starts_with(reason), "{run:#?}");
    assert!(!run.stdout.contains("am9lOnBAc3M") && !run.stdout.contains("p@ss"), "{run:#?}");
    proxy.finish().check_expected();
    assert_eq!(endpoint.look().connections, 0);

    let (imap, plugin) = (Server::start(well_with_token()), with_client(plugin(1, &endpoint), &files));
    let run = plugin
        .args(["-p", &imap.port.to_string()])
        .env("https_proxy", "http://127.0.0.1:1")
        .env("no_proxy", "localhost")
        .run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    assert_eq!(endpoint.finish().connections, 1);
}

#[test]
fn a_cached_token_is_used_until_its_last_minute_and_by_its_owner_alone() {
    let files = Files::new();
    let endpoint = Server::start(granting(TOKEN));
    let run = |more: &[&str]| {
        let imap = Server::start(well_with_token());
        let run = with_cache(with_client(plugin(imap.port, &endpoint), &files), &files).args(more).arg("-v").run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        check_secrets(&run.stdout, &[]);
        check_login(&imap.finish());
        note_of_token(&run).to_owned()
    };
    assert!(!run(&[]).contains("cache"));
    let mode = fs::metadata(files.cache()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let note = run(&[]);
    assert!(note.contains("from the cache, expires in 59 min"), "{note}");
    assert_eq!(endpoint.look().connections, 1);

    // Its last minute.
    let mut content: Value = serde_json::from_str(&fs::read_to_string(files.cache()).unwrap()).unwrap();
    content["expires"] = json!(chrono::Utc::now().timestamp() + 55);
    fs::write(files.cache(), content.to_string()).unwrap();
    assert!(!run(&[]).contains("cache"));
    assert_eq!(endpoint.look().connections, 2);

    let note = run(&["--oauth-scope", "another"]);
    assert!(note.contains("is not used: its token is for another account, client, scope or address"), "{note}");
    fs::write(files.cache(), "rubbish").unwrap();
    let note = run(&[]);
    assert!(note.contains("is not used: it is not what this program has written"), "{note}");
    assert_eq!(endpoint.look().connections, 4);
    assert!(run(&[]).contains("from the cache"));

    // A file of the user's is not replaced by a slip.
    let note = run(&["--oauth-cache", files.secret().to_str().unwrap()]);
    assert!(note.contains("cannot be written: is read by another option and would be lost"), "{note}");
    assert_eq!(fs::read_to_string(files.secret()).unwrap(), format!("{CLIENT_SECRET}\n"));
    let folder = files.folder.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let note = run(&["--oauth-cache", folder.to_str().unwrap()]);
    assert!(note.contains("cannot be written: is not a regular file"), "{note}");
}

#[test]
fn many_checks_at_once_fetch_one_token() {
    let files = Files::new();
    let slow =
        [vec![Step::StartTls], request(), vec![Step::Pause(Duration::from_millis(200))], granting(TOKEN).split_off(9)];
    let endpoint = Server::start(slow.concat());
    let imap = Server::start(well_with_token());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let run = with_cache(with_client(plugin(imap.port, &endpoint), &files), &files).arg("-v").run();
                assert_eq!(run.check_sound().code, 0, "{run:#?}");
            });
        }
    });
    assert_eq!(endpoint.finish().connections, 1);
    assert_eq!(imap.finish().connections, 8);
    let left: Vec<_> = fs::read_dir(files.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn a_file_that_a_killed_check_leaves_is_for_nobody_else_and_is_removed_later() {
    let files = Files::new();
    let endpoint = Server::start(granting(TOKEN));
    for number in 0..60 {
        fs::remove_file(files.cache()).ok();
        let asked = endpoint.look().connections;
        let mut child = with_cache(with_client(plugin(1, &endpoint), &files), &files)
            .command(&[])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while endpoint.look().connections == asked && begun.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_micros(100));
        }
        // The answer, the cache and the end follow within few milliseconds.
        thread::sleep(Duration::from_micros(number * 100));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let list = || fs::read_dir(files.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    for left in list().iter().filter(|path| path.extension().is_some_and(|end| end == "imap_session")) {
        assert_eq!(fs::metadata(left).unwrap().permissions().mode() & 0o777, 0o600, "{}", left.display());
        fs::File::open(left).unwrap().set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    }
    fs::remove_file(files.cache()).ok();
    with_cache(with_client(plugin(1, &endpoint), &files), &files).run().check_sound();
    let left = list();
    assert!(left.contains(&files.cache()) && left.len() == 3, "{left:?}");
}

#[test]
fn a_check_does_not_wait_for_another_one_beyond_a_second() {
    let files = Files::new();
    // The first one never gets an answer.
    let endpoint = Server::in_turn(vec![answering(vec![Step::Silence]), granting(TOKEN)]);
    let imap = Server::start(well_with_token());
    thread::scope(|scope| {
        let first = scope.spawn(|| with_cache(with_client(plugin(1, &endpoint), &files), &files).run());
        while endpoint.look().connections == 0 {
            thread::sleep(Duration::from_millis(10));
        }
        let begun = Instant::now();
        let run = with_cache(with_client(plugin(imap.port, &endpoint), &files), &files).run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{run:#?}");
        let first = first.join().unwrap();
        // The token of the second one came into the cache, but the first one waits for its own.
        assert!(skip_host(&first).starts_with("token timed out after "), "{first:#?}");
    });
}

#[test]
fn a_new_refresh_token_is_kept_and_used_first() {
    let files = Files::new();
    let rotating = |token: &str, refresh_token: &str| {
        let body = format!(r#"{{"access_token":"{token}","expires_in":30,"refresh_token":"{refresh_token}"}}"#);
        answering(answer("200 OK", &body))
    };
    let refused =
        answering(answer("400 Bad Request", r#"{"error":"invalid_grant","error_description":"used before"}"#));
    let granting = || answering(answer("200 OK", &format!(r#"{{"access_token":"{TOKEN}","expires_in":30}}"#)));
    let scripts = vec![rotating(TOKEN, "second"), rotating(TOKEN, "third"), refused, granting(), granting()];
    let endpoint = Server::in_turn([scripts, vec![rotating(TOKEN, "fourth")]].concat());
    let run = |is_cached: bool| {
        let imap = Server::start(well_with_token());
        let plugin = with_refresh_token(plugin(imap.port, &endpoint), &files).arg("-v");
        let run = if is_cached { with_cache(plugin, &files) } else { plugin }.run();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        note_of_token(&run).to_owned()
    };
    assert!(!run(true).contains("lost"));
    run(true);
    // The third one is refused, then the one in the file is tried, and from then on it alone.
    run(true);
    run(true);
    let note = run(false);
    assert!(note.contains("a new refresh token, which is lost without --oauth-cache"), "{note}");
    let sent: Vec<String> = forms(&endpoint.finish());
    let sent: Vec<&str> = sent.iter().filter_map(|form| form.split(['=', '&']).nth(3)).collect();
    let in_file = "1%2F%2Frefresh-token-of-a-person";
    assert_eq!(sent, [in_file, "second", "third", in_file, in_file, in_file]);
}

#[test]
fn a_cached_token_that_the_server_refuses_is_dropped() {
    let files = Files::new();
    let endpoint = Server::start(granting(TOKEN));
    let run = |script: Vec<Step>| {
        let imap = Server::start(script);
        with_cache(with_client(plugin(imap.port, &endpoint), &files), &files).arg("-vvv").run()
    };
    let refusing = |answer: &str| ended_with_token("login", [vec![tagged(answer)], leave()].concat());
    // A token that was just fetched is refused by itself.
    let first = run(refusing("NO [AUTHENTICATIONFAILED] no"));
    assert!(skip_host(&first).starts_with("login failed: NO [AUTHENTICATIONFAILED] no"), "{first:#?}");
    let busy = run(refusing("NO [UNAVAILABLE] busy"));
    assert!(skip_host(&busy).starts_with("login failed: NO [UNAVAILABLE] busy"), "{busy:#?}");
    // As RFC 7628 has it: the reason in a challenge, which is answered before the refusal comes.
    let challenge = BASE64_STANDARD.encode(r#"{"status":"401"}"#);
    let refused =
        [vec![send(&format!("+ {challenge}\r\n")), expect(""), tagged("NO AUTHENTICATE failed.")], leave()].concat();
    let refused = run(ended_with_token("login", refused));
    let reason =
        "login failed: the cached token was refused: NO AUTHENTICATE failed (the server refused the token: status 401)";
    assert!(refused.check_sound().code == 2 && skip_host(&refused).starts_with(reason), "{refused:#?}");
    assert_eq!(endpoint.look().connections, 1);
    assert!(!fs::read_to_string(files.cache()).unwrap().contains(TOKEN));
    let next = run(well_with_token());
    assert_eq!(next.check_sound().code, 0, "{next:#?}");
    assert_eq!(endpoint.finish().connections, 2);
    check_secrets(&(first.stdout + &busy.stdout + &refused.stdout + &next.stdout), &[]);
}

#[test]
fn a_fresh_connection_uses_the_token_that_is_there() {
    let files = Files::new();
    let endpoint = Server::start(granting(TOKEN));
    let lost = ended_with_token("select INBOX", vec![Step::Close]);
    let fresh = Plan::from(Mode::Clear).phases_of_fresh_connection(4, false);
    let imap = Server::in_turn(vec![lost, script(with_token(fresh))]);
    let run = with_client(plugin(imap.port, &endpoint), &files).arg("-v").run();
    assert_eq!(run.check_sound().code, 2, "{run:#?}");
    assert!(run.phase_line("select Archive").unwrap().contains("over a fresh connection"), "{run:#?}");
    assert_eq!(endpoint.finish().connections, 1);
    let record = imap.finish();
    record.check_expected();
    assert_eq!(record.connections, 2);
}

#[test]
fn with_every_address_the_token_is_fetched_once() {
    let files = Files::new();
    let endpoint = Server::start(granting(TOKEN));
    let imap = Server::start(well_with_token());
    let run = with_client(plugin(imap.port, &endpoint), &files).args(["--every-address", "-v"]).run();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    assert_eq!(run.labels()[..3], ["token", "resolve", "connect_a1"], "{run:#?}");
    assert_eq!(endpoint.finish().connections, 1);
    check_login(&imap.finish());

    let endpoint = Server::start(answering(answer("400 Bad", r#"{"error":"invalid_client"}"#)));
    let run = with_client(plugin(1, &endpoint), &files).args(["--every-address", "-v"]).run();
    assert_eq!(run.check_sound().code, 2, "{run:#?}");
    assert!(skip_host(&run).starts_with("token failed: invalid_client"), "{run:#?}");
}

/// Each fault of a token endpoint with its name and with what is said of it.
#[allow(clippy::too_many_lines, reason = "a table")]
fn list_faults() -> Vec<(&'static str, Vec<Step>, &'static str)> {
    let bearer = |token: &str| format!(r#"{{"access_token":"{token}","token_type":"Bearer"}}"#);
    let refused = |status: &str, body: &str| answering(answer(status, body));
    let good = "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n";
    vec![
        ("silence", vec![Step::Silence], "timed out after"),
        ("silence behind the handshake", vec![Step::StartTls, Step::Silence], "timed out after"),
        ("silence behind the request", answering(vec![Step::Silence]), "timed out after"),
        ("drip", answering(vec![drip(&"HTTP/1.1 200 OK\r\nX: y".repeat(9), 100)]), "timed out after"),
        ("drip of a body", answering(vec![send(good), drip(&"{".repeat(99), 100)]), "timed out after"),
        ("reset", vec![Step::Reset], "failed: localhost: connection reset by the server"),
        (
            "reset behind the handshake",
            vec![Step::StartTls, Step::Reset],
            "failed: localhost: connection reset by the server",
        ),
        ("close", vec![Step::Await, Step::Close], "failed: localhost: connection "),
        (
            "close behind the request",
            answering(vec![Step::Close]),
            "failed: localhost: connection closed by the server before its answer was complete",
        ),
        (
            "half an answer",
            answering(vec![send(good), send("{"), Step::Close]),
            "failed: localhost: connection closed by the server before its answer was complete",
        ),
        (
            "no TLS",
            vec![send("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Silence],
            "failed: localhost: the answer of the server is not TLS",
        ),
        ("expired", vec![Step::StartTlsAs(EXPIRED.clone())], "failed: localhost: certificate has expired"),
        (
            "other name",
            vec![Step::StartTlsAs(OTHER_NAME.clone())],
            "failed: localhost: certificate is for other.example.org, not for localhost",
        ),
        (
            "400",
            refused(
                "400 Bad Request",
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}"#,
            ),
            "failed: invalid_client: AADSTS7000215: Invalid client secret provided.",
        ),
        ("401", refused("401 Unauthorized", r#"{"error":"invalid_client"}"#), "failed: invalid_client"),
        ("429", refused("429 Too Many Requests", "slow down"), "failed: 429 Too Many Requests"),
        ("500", refused("500 Internal Server Error", "<html>"), "failed: 500 Internal Server Error"),
        (
            "500 in JSON",
            refused("500 Oops", r#"{"error":"server_error","error_description":"try again"}"#),
            "failed: server_error: try again",
        ),
        (
            "redirect",
            answering(vec![
                send("HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example.org/\r\nContent-Length: 0\r\n\r\n"),
                Step::Close,
            ]),
            "failed: 302 Found: a redirect to https://elsewhere.example.org/ is not followed",
        ),
        (
            "no JSON",
            refused("200 OK", "<html>please log in</html>"),
            "failed: the answer is no JSON, it begins with <html>please log in</html>",
        ),
        ("a token without JSON", refused("200 OK", TOKEN), "failed: the answer is no JSON"),
        (
            "no HTTP",
            answering(vec![send("* OK hello\r\n"), Step::Close]),
            "failed: localhost: its answer is not HTTP: * OK hello",
        ),
        (
            "no chunk",
            answering(vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), Step::Close]),
            "failed: localhost: its answer has a chunk without a length",
        ),
        (
            "no length",
            answering(vec![send("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), Step::Close]),
            "failed: localhost: its answer has no length but many",
        ),
        (
            "JSON without HTTP",
            answering(vec![send(&bearer(TOKEN)), send("\r\n"), Step::Close]),
            "failed: localhost: its answer is not HTTP: {\"access_token\":",
        ),
        (
            "JSON in the head",
            answering(vec![send("HTTP/1.1 200 OK\r\n"), send(&bearer(TOKEN)), send("\r\n\r\n"), Step::Close]),
            "failed: the answer is empty",
        ),
        (
            "a token in the place of a field's name",
            answering(vec![send("HTTP/1.1 200 OK\r\n"), send(&format!("{TOKEN}\", \"type\": 1\r\n\r\n")), Step::Close]),
            "failed: the answer is empty",
        ),
        (
            "JSON in a length",
            answering(vec![
                send("HTTP/1.1 200 OK\r\nContent-Length: "),
                send(&bearer(TOKEN)),
                send("\r\n\r\n"),
                Step::Close,
            ]),
            "failed: localhost: its answer has no length but {\"access_token\":",
        ),
        (
            "no content on a connection that stays open",
            answering(vec![send("HTTP/1.1 204 No Content\r\n\r\n"), Step::Silence]),
            "failed: the answer is empty",
        ),
        (
            "10 MB",
            answering(flood("HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"")),
            "failed: localhost: the server sent more than 1 MiB",
        ),
        (
            "10 MB of heads",
            answering(flood("HTTP/1.1 200 OK\r\nX: ")),
            "failed: localhost: the server sent more than 1 MiB",
        ),
        ("line end", refused("200 OK", &bearer("abc\\r\\nA2 LOGOUT")), "failed: the access_token has a line end in it"),
        ("empty token", refused("200 OK", &bearer("")), "failed: the access_token is empty"),
        ("no token", refused("200 OK", "{}"), "failed: the answer has no access_token"),
        (
            "other type",
            refused("200 OK", r#"{"access_token":"abc","token_type":"mac"}"#),
            "failed: the token is of the type mac",
        ),
        (
            "echo",
            refused(
                "400 Bad Request",
                &format!(
                    r#"{{"error":"invalid_client","error_description":"{CLIENT_SECRET} {} {} {}"}}"#,
                    "s3cr%26t%7Eof%3Dthe%2Bclient",
                    "s3cr%26t~of%3dthe%2bclient",
                    BASE64_STANDARD.encode(CLIENT_SECRET)
                ),
            ),
            "failed: invalid_client: *** *** *** ***",
        ),
    ]
}

/// Begins a body or a head that never ends.
fn flood(start: &str) -> Vec<Step> {
    vec![send(start), Step::Flood { bytes: vec![b'x'; 16 * 1024], at_most: 10 << 20 }, Step::Close]
}

/// What the server's part is if it takes the token.
fn with_token(phases: Vec<Phase>) -> Vec<Phase> {
    let take = |phase: Phase| match phase.operation {
        "greeting" => {
            let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready\r\n";
            Phase { answer: vec![send(greeting)], ..phase }
        }
        "login" => Phase { command: Some(login()), ..phase },
        _ => phase,
    };
    phases.into_iter().map(take).collect()
}

fn login() -> String {
    let message = format!("user={USER}\x01auth=Bearer {TOKEN}\x01\x01");
    format!("AUTHENTICATE XOAUTH2 {}", BASE64_STANDARD.encode(message))
}

fn well_with_token() -> Vec<Step> {
    script(with_token(Plan::from(Mode::Clear).phases_of_server()))
}

/// The server takes the token until this phase waits for its answer; then these steps, and nothing more.
fn ended_with_token(phase: &str, steps: Vec<Step>) -> Vec<Step> {
    let mut phases = with_token(Plan::from(Mode::Clear).phases_of_server());
    let place = phases.iter().position(|each| each.name() == phase).unwrap();
    phases.truncate(place + 1);
    phases[place].answer = steps;
    script(phases)
}

fn check_login(record: &Record) {
    record.check_expected();
    assert!(record.contains(&login()), "{record:?}");
}
