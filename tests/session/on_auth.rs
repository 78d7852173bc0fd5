//! Logins by SASL mechanisms, against scripted servers: what is sent, what is believed, what is shown.
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use check_imap_session::imap::auth::{MECHANISMS, Wants, Way};
use openssl::ssl::{SslContext, SslOptions, SslVersion};

use crate::case::{Case, PASSWORD, USER, check_all, plugin, skip_host};
use crate::testkit::identity::{Identity, SERVER, serve};
use crate::testkit::login;
use crate::testkit::nagios::Run;
use crate::testkit::plan::{Mode, Plan};
use crate::testkit::plugin::Plugin;
use crate::testkit::scram::{self, continuation};
use crate::testkit::server::{Record, Server};
use crate::testkit::step::{Computed, Step, expect, leave, send, tagged};
use crate::testkit::well_behaved::{ended, replaced, well};

const TOKEN: &str = "ya29.a0Af_H6SMBx-4711.0815";

#[test]
fn every_mechanism_logs_in() {
    for mechanism in MECHANISMS.iter().filter(|mechanism| matches!(mechanism.way, Way::Sasl { .. })) {
        let exchange = login::exchange(mechanism.name, PASSWORD);
        let (run, record) = in_mode(Mode::Implicit, mechanism.name, exchange.clone());
        expect_ok(&(run, record.clone()));
        let is_bound = mechanism.name.ends_with("-plus");
        assert_eq!(first_message(&record).starts_with("p=tls-exporter,,n="), is_bound, "{}", mechanism.name);
        if !is_bound {
            expect_ok(&in_mode(Mode::Clear, mechanism.name, exchange));
        }
        let secret = if mechanism.wants == Wants::Token { TOKEN } else { PASSWORD };
        let lines = record.lines();
        let decoded =
            lines.iter().flat_map(|line| line.split(' ')).filter_map(|word| BASE64_STANDARD.decode(word).ok());
        let is_sent = decoded.into_iter().any(|text| String::from_utf8_lossy(&text).contains(secret));
        assert_eq!(is_sent, mechanism.sends_secret, "{}", mechanism.name);
    }
}

#[test]
fn without_plus_the_client_says_that_it_binds_nothing() {
    let (_, record) = in_mode(Mode::Implicit, "scram-sha-256", scram::serve(PASSWORD));
    assert!(first_message(&record).starts_with(&format!("n,,n={USER},r=")), "{}", first_message(&record));
}

#[test]
fn tls_1_2_is_bound_by_its_finished_message_and_only_with_the_extended_master_secret() {
    let plan = Plan::from(Mode::Implicit).logging_in("scram-sha-256-plus", scram::serve(PASSWORD));
    let context = tls_1_2(SslOptions::empty());
    let server = Server::start(over(&context, well(&plan)));
    let run = plugin(server.port, &plan).arg("--ca-file").arg(server.ca_file()).arg("--no-verify").run();
    let record = server.finish();
    expect_ok(&(run, record.clone()));
    assert!(first_message(&record).starts_with("p=tls-unique,,n="), "{}", first_message(&record));

    // SSL_OP_NO_EXTENDED_MASTER_SECRET
    let context = tls_1_2(SslOptions::from_bits_retain(1));
    let server = Server::start(over(&context, ended(&plan, "greeting", bare_greeting(&plan))));
    let run = plugin(server.port, &plan).arg("--no-verify").run();
    expect_reason(
        &run,
        "the login cannot be bound to the connection: the server does not support the extended master secret of TLS 1.2",
    );
    assert!(!server.finish().contains("AUTHENTICATE"));
}

#[test]
fn without_tls_nothing_is_bound_and_nothing_is_sent() {
    let plan = Plan::from(Mode::Clear).logging_in("scram-sha-1-plus", Vec::new());
    let server = Server::start(ended(&plan, "greeting", bare_greeting(&plan)));
    let run = plugin(server.port, &plan).run();
    expect_reason(&run, "the login cannot be bound to the connection: it has no TLS");
    assert!(!server.finish().contains("AUTHENTICATE"));
}

#[test]
fn a_server_that_cannot_prove_that_it_knows_the_password_is_not_believed() {
    let ok =
        || Computed::step(|said| [said.lines.last().unwrap().split(' ').next().unwrap(), " OK in\r\n"].concat().into());
    let challenge = || scram::challenge(4096);
    let signature = |text: &'static str| Computed::step(move |_| continuation(text));
    for (name, exchange, reason) in [
        ("OK at once", vec![ok()], "the server did not prove that it knows the password"),
        ("OK to the proof", vec![challenge(), expect(""), tagged("OK in")], "the server did not prove"),
        ("a wrong signature", vec![challenge(), expect(""), signature("v=AAAA"), expect("*")], "could not prove"),
        ("no signature", vec![challenge(), expect(""), send("+ \r\n"), expect("*")], "could not prove"),
        (
            "an error",
            vec![challenge(), expect(""), signature("e=other-error"), expect("*")],
            "refused the proof of the password: other-error",
        ),
        ("the nonce of another login", vec![signature("r=abc,s=AAAA,i=4096"), expect("*")], "is not for this login"),
        ("no base64", vec![send("+ ?\r\n"), expect("*")], "the challenge of the server is not base64"),
        ("no text", vec![send("+ /////w==\r\n"), expect("*")], "the challenge of the server is not UTF-8"),
        ("work for hours", vec![scram::challenge(4_000_000_000), expect("*")], "more than 1000000 iterations"),
    ] {
        let plan = Plan::from(Mode::Clear).logging_in("scram-sha-256", Vec::new());
        let case = Case::new(name, plan.clone(), ended(&plan, "login", exchange));
        check_all(vec![case.gives(2, "login failed: ").saying(reason).also(|_, record| {
            assert_eq!(record.connections, 1);
            assert!(!record.contains("SELECT"));
        })]);
    }
}

#[test]
fn a_server_that_goes_on_asking_is_left() {
    for mechanism in ["plain", "scram-sha-256", "xoauth2", "oauthbearer", "external"] {
        let plan = Plan::from(Mode::Clear).logging_in(mechanism, Vec::new());
        let questions = Step::Flood { bytes: b"+ \r\n".to_vec(), at_most: 1 << 20 };
        let server = Server::start(ended(&plan, "login", vec![questions, Step::Silence]));
        let run = log_in(&server, &plan).run();
        assert!(run.code == 2 && skip_host(&run).starts_with("login failed: "), "{mechanism}: {run:#?}");
        assert_eq!(run.check_sound().value("timed_out"), Some(0.0));
    }
}

#[test]
fn the_first_answer_waits_for_a_server_without_initial_responses() {
    for (mechanism, message) in [
        ("plain", format!("\0{USER}\0{PASSWORD}")),
        ("xoauth2", format!("user={USER}\x01auth=Bearer {TOKEN}\x01\x01")),
        ("external", String::new()),
    ] {
        let plan = Plan::from(Mode::Clear).logging_in(mechanism, Vec::new());
        let name = mechanism.to_uppercase();
        let greeting = [send(&format!("* OK [CAPABILITY IMAP4rev1 AUTH={name}] ready\r\n"))];
        // The text behind this + is not always empty.
        for question in ["+\r\n", "+ \r\n", "+ go on\r\n"] {
            let line = BASE64_STANDARD.encode(&message);
            let login = [send(question), expect(&line), tagged("OK in")];
            let script = [replaced(&plan, "greeting", &greeting)].concat();
            let script = without_initial_response(script, &name, &login);
            let server = Server::start(script);
            let run = log_in(&server, &plan).run();
            let record = server.finish();
            record.check_expected();
            assert_eq!(run.check_sound().code, 0, "{run:#?}");
            assert!(record.lines().contains(&line), "{record:?}");
        }
    }
}

#[test]
fn a_server_that_has_not_said_what_it_can_is_asked_first() {
    let plan = Plan::from(Mode::Implicit).logging_in("plain", Vec::new());
    let asked = [
        send("* OK ready\r\n"),
        expect("CAPABILITY"),
        send("* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n"),
        tagged("OK done"),
    ];
    let server = Server::start(replaced(&plan, "greeting", &asked));
    expect_ok(&(log_in(&server, &plan).run(), server.finish()));
}

#[test]
fn what_the_server_does_not_offer_is_not_sent_and_what_it_offers_is_named() {
    for (listed, hint) in [
        ("AUTH=XOAUTH2", "(it offers XOAUTH2: --auth xoauth2)"),
        ("AUTH=CRAM-MD5", "(it offers CRAM-MD5)"),
        ("AUTH=CRAM-MD5 AUTH=EXTERNAL AUTH=SCRAM-SHA-1", "(it offers CRAM-MD5, EXTERNAL, SCRAM-SHA-1: see --auth)"),
        ("STARTTLS", "(it offers no mechanism, is --tls starttls or implicit right?)"),
    ] {
        let plan = Plan::from(Mode::Clear).logging_in("plain", Vec::new());
        let greeting = vec![send(&format!("* OK [CAPABILITY IMAP4rev1 {listed}] ready\r\n"))];
        let script = ended(&plan, "greeting", [greeting, leave()].concat());
        let reason = format!("login failed: the server does not offer PLAIN {hint}");
        let case = Case::new(listed, plan, script).gives(2, &reason);
        check_all(vec![case.also(|_, record| assert!(!record.contains("AUTHENTICATE")))]);
    }
}

#[test]
fn logindisabled_is_about_login_alone() {
    let plan = Plan::from(Mode::Clear).logging_in("scram-sha-1", scram::serve(PASSWORD));
    let greeting = send("* OK [CAPABILITY IMAP4rev1 SASL-IR LOGINDISABLED AUTH=SCRAM-SHA-1] ready\r\n");
    let server = Server::start(replaced(&plan, "greeting", &[greeting]));
    expect_ok(&(log_in(&server, &plan).run(), server.finish()));
}

#[test]
fn a_refused_token_is_reported_with_what_the_challenge_says() {
    let challenge = format!(r#"{{"status":"401","schemes":"Bearer","scope":"https://mail.example.org/ {TOKEN}"}}"#);
    for (mechanism, acknowledgement) in [("xoauth2", ""), ("oauthbearer", "AQ==")] {
        let line = BASE64_STANDARD.encode(&challenge);
        let plan = Plan::from(Mode::Clear).logging_in(mechanism, Vec::new());
        let refusal =
            vec![send(&format!("+ {line}\r\n")), expect(acknowledgement), tagged("NO SASL authentication failed")];
        let server = Server::start(ended(&plan, "login", [refusal, leave()].concat()));
        let run = log_in(&server, &plan).arg("-vvv").run();
        let record = server.finish();
        record.check_expected();
        assert!(record.lines().contains(&acknowledgement.to_owned()), "{record:?}");
        let reason = "login failed: NO SASL authentication failed \
            (the server refused the token: status 401, scope https://mail.example.org/ ***)";
        assert!(run.code == 2 && skip_host(&run).starts_with(reason), "{run:#?}");
        expect_no_token(&run);
    }
}

#[test]
fn a_server_that_hangs_up_on_a_refused_token_is_reported_with_what_the_challenge_says() {
    let line = BASE64_STANDARD.encode(r#"{"status":"401"}"#);
    let plan = Plan::from(Mode::Clear).logging_in("xoauth2", Vec::new());
    let refusal = vec![send(&format!("+ {line}\r\n")), expect(""), send("* BYE too many of them\r\n"), Step::Close];
    let server = Server::start(ended(&plan, "login", refusal));
    let run = log_in(&server, &plan).run();
    let reason = "login failed: connection closed by the server, its last line: BYE too many of them \
        (the server refused the token: status 401)";
    assert!(run.code == 2 && skip_host(&run).starts_with(reason), "{run:#?}");
}

#[test]
fn a_token_is_in_no_output_whatever_the_server_repeats() {
    for mechanism in ["xoauth2", "oauthbearer"] {
        let plan = Plan::from(Mode::Clear).logging_in(mechanism, Vec::new());
        // The client's own line, and other texts with the token in them.
        let echo = Computed::step(|said| {
            let line = said.lines.last().unwrap();
            let (tag, message) = (line.split(' ').next().unwrap(), line.split(' ').next_back().unwrap());
            let shifted: Vec<String> =
                (0..3).map(|filler| BASE64_STANDARD.encode(["x".repeat(filler), TOKEN.to_owned()].concat())).collect();
            format!("* NO {TOKEN}\r\n{tag} NO {message} {} end\r\n", shifted.join(" ")).into_bytes()
        });
        for format in ["nagios", "json", "prometheus", "timeline"] {
            let server = Server::start(ended(&plan, "login", [vec![echo.clone()], leave()].concat()));
            let run = log_in(&server, &plan).args(["-vvv", "-o", format]).run();
            server.finish().check_expected();
            assert_eq!(run.code, 2, "{run:#?}");
            expect_no_token(&run);
        }
    }
}

#[test]
fn external_sends_nothing_but_the_user_to_act_as() {
    for (authzid, sent) in [(None, " EXTERNAL ="), (Some("jane"), " EXTERNAL amFuZQ==")] {
        let plan = Plan::from(Mode::Clear).logging_in("external", Vec::new());
        let server = Server::start(well(&plan));
        let port = server.port.to_string();
        let run = Plugin::new(["-H", "127.0.0.1", "-p", &port]).args(plan.options()).password(PASSWORD);
        let run = run.args(authzid.map(|name| format!("--authzid={name}"))).run();
        let record = server.finish();
        record.check_expected();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        assert!(record.lines().iter().any(|line| line.ends_with(sent)), "{record:?}");
        assert!(!record.contains(PASSWORD) && !record.contains(&BASE64_STANDARD.encode(PASSWORD)));
    }
}

#[test]
fn a_user_to_act_as_goes_where_the_mechanism_has_it() {
    for (mechanism, message) in [
        ("plain", format!("jane\0{USER}\0{PASSWORD}")),
        ("oauthbearer", "n,a=jane,\x01host=127.0.0.1\x01port=".to_owned()),
        ("scram-sha-256", format!("n,a=jane,n={USER},r=")),
    ] {
        let plan = Plan::from(Mode::Clear).logging_in(mechanism, login::exchange(mechanism, PASSWORD));
        let server = Server::start(well(&plan));
        let run = log_in(&server, &plan).args(["--authzid", "jane"]).run();
        let record = server.finish();
        expect_ok(&(run, record.clone()));
        assert!(first_message(&record).starts_with(&message), "{:?}", first_message(&record));
    }
}

#[test]
fn a_password_is_prepared_for_plain_and_scram_and_masked_in_both_forms() {
    // An a with a diaeresis of its own, and as it is prepared.
    let (given, prepared) = ("pa\u{308}ss-4711", "p\u{e4}ss-4711");
    let plan = Plan::from(Mode::Clear).logging_in("scram-sha-256", scram::serve(prepared));
    let server = Server::start(well(&plan));
    expect_ok(&(log_in(&server, &plan).password(given).run(), server.finish()));

    let plan = Plan::from(Mode::Clear).logging_in("plain", Vec::new());
    let echo = vec![tagged(&format!("NO {given} or {prepared}"))];
    let server = Server::start(ended(&plan, "login", [echo, leave()].concat()));
    let run = log_in(&server, &plan).password(given).run();
    let record = server.finish();
    assert_eq!(first_message(&record), format!("\0{USER}\0{prepared}"));
    assert!(skip_host(&run).starts_with("login failed: NO *** or ***"), "{run:#?}");
}

#[test]
fn the_dialogue_shows_neither_answers_nor_challenges() {
    let plan = Plan::from(Mode::Clear).logging_in("scram-sha-256", scram::serve(PASSWORD));
    let server = Server::start(well(&plan));
    let run = log_in(&server, &plan).arg("-vvv").run();
    server.finish().check_expected();
    assert_eq!(run.stdout.matches("C: a1 AUTHENTICATE SCRAM-SHA-256 ***\n").count(), 1, "{run:#?}");
    assert_eq!(run.stdout.matches("S: + ***\n").count(), 2, "{run:#?}");
    assert_eq!(run.stdout.matches("C: ***\n").count(), 1, "{run:#?}");
    // A server that hangs behind a challenge has it as its last words.
    let hanging = vec![scram::challenge(4096), expect(""), Step::Silence];
    let server = Server::start(ended(&plan, "login", hanging));
    let run = log_in(&server, &plan).args(["--limit", "login=0.5"]).run();
    assert!(
        skip_host(&run).starts_with("login timed out after 0.500 s (its limit 0.5 s), last line of the server: + ***"),
        "{run:#?}"
    );
}

#[test]
fn the_proof_of_a_password_is_in_no_output_whatever_the_server_repeats() {
    let find_proof = |line: &str| {
        let message = String::from_utf8(BASE64_STANDARD.decode(line).ok()?).ok()?;
        Some(message.split_once(",p=")?.1.to_owned())
    };
    let plan = Plan::from(Mode::Clear).logging_in("scram-sha-256", Vec::new());
    for ending in ["NO refused", "OK welcome"] {
        let echo = Computed::step(move |said| {
            let line = said.lines.last().unwrap();
            let proof = find_proof(line).unwrap();
            let encoded = BASE64_STANDARD.encode(&proof);
            format!("* NO {line}\r\n* NO p={proof} end\r\n* NO {encoded}\r\na1 {ending} {proof}\r\n").into_bytes()
        });
        for format in ["nagios", "json", "timeline"] {
            let login = vec![scram::challenge(4096), expect(""), echo.clone()];
            let server = Server::start(ended(&plan, "login", login));
            let run = log_in(&server, &plan).args(["-vvv", "-o", format]).run();
            let record = server.finish();
            let proof = record.lines().iter().find_map(|line| find_proof(line)).unwrap();
            let encoded = BASE64_STANDARD.encode(&proof);
            let parts = [&proof[..20], &proof[20..], &encoded[4..24], &encoded[24..44]];
            assert!(parts.iter().all(|part| !run.stdout.contains(part)), "{proof}: {run:#?}");
            assert!(run.code == 2 && run.stdout.contains("p=*** end"), "{run:#?}");
        }
    }
}

#[test]
fn options_that_do_not_fit_together_are_one_line_each_and_nothing_is_sent() {
    let server = Server::start(well(Mode::Clear));
    let port = server.port.to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "two words\n").unwrap();
    let file = file.path().to_str().unwrap();
    for (options, reason) in [
        (
            vec!["--auth", "external", "--password-file", file],
            "--password-file: --auth external sends no password, right is one of both",
        ),
        (
            vec!["--auth", "external", "--password-file", "-"],
            "--password-file: --auth external sends no password, right is one of both",
        ),
        (
            vec!["--auth", "external", "--password-command", "echo x"],
            "--password-command: --auth external sends no password, right is one of both",
        ),
        (vec!["--auth", "xoauth"], "--auth: xoauth is none of: login, plain, "),
        (vec!["--auth", "xouath2"], "(did you mean xoauth2?)"),
        (vec!["--auth", "PLAIN", "-u", "joe"], "--auth: PLAIN is none of: "),
        (vec!["--auth", "plain"], "no account: -u USER is missing, see --help"),
        (vec!["--auth", "plain", "-u", "joe"], "no password: give --password-file FILE or set IMAP_SESSION_PASSWORD"),
        (
            vec!["--auth", "xoauth2", "-u", "joe"],
            "no access token: give --oauth-token-url URL, --password-file FILE or set IMAP_SESSION_PASSWORD",
        ),
        (
            vec!["--authzid", "jane", "-u", "joe", "--password-file", file],
            "--authzid: login has no place for another user, right is --auth with one of: plain, ",
        ),
        (
            vec!["--authzid", "jane", "--auth", "xoauth2", "-u", "joe", "--password-file", file],
            "--authzid: xoauth2 has no place for another user",
        ),
        (vec!["--authzid", "", "--auth", "external"], "--authzid: (empty) is not a user name"),
        (
            vec!["--auth", "xoauth2", "-u", "joe", "--password-file", file],
            "--password-file: it is no access token, which has no blanks",
        ),
    ] {
        let run = Plugin::new(["-H", "127.0.0.1", "-p", &port, "--tls", "none"]).args(&options).run();
        run.check_sound();
        assert!(run.code == 3 && run.summary().contains(reason), "{options:?}: {run:#?}");
        assert_eq!(run.stdout.lines().filter(|line| !line.starts_with("[not run]")).count(), 1, "{run:#?}");
    }
    assert_eq!(server.finish().connections, 0);
}

#[test]
fn a_token_may_be_longer_than_a_password_and_than_a_command() {
    let token = "x".repeat(12_000);
    for (mechanism, turns) in [("xoauth2", 2), ("oauthbearer", 2)] {
        let plan = Plan::from(Mode::Clear).logging_in(mechanism, Vec::new());
        let name = mechanism.to_uppercase();
        let login = [send("+ \r\n"), expect(""), tagged("OK in")];
        let server = Server::start(without_initial_response(well(&plan), &name, &login));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, &token).unwrap();
        let run = log_in(&server, &plan).arg("--password-file").arg(file.path()).run();
        let record = server.finish();
        record.check_expected();
        assert_eq!(run.check_sound().code, 0, "{run:#?}");
        let lines: Vec<String> = record.lines().into_iter().take(turns).collect();
        let message = BASE64_STANDARD.decode(&lines[1]).unwrap();
        assert!(String::from_utf8(message).unwrap().contains(&format!("auth=Bearer {token}\x01\x01")));
    }
}

/// A good run with this mechanism, whose exchange the server plays.
fn in_mode(mode: Mode, mechanism: &'static str, exchange: Vec<Step>) -> (Run, Record) {
    let plan = Plan::from(mode).logging_in(mechanism, exchange);
    let server = Server::start(well(&plan));
    (log_in(&server, &plan).run(), server.finish())
}

/// With the token, if the mechanism takes one.
fn log_in(server: &Server, plan: &Plan) -> Plugin {
    let mechanism = plan.login.as_ref().unwrap().mechanism;
    let secret = if mechanism.contains("oauth") || mechanism == "xoauth2" { TOKEN } else { PASSWORD };
    let plugin = plugin(server.port, plan).password(secret);
    if plan.mode == Mode::Clear { plugin } else { plugin.arg("--ca-file").arg(server.ca_file()) }
}

fn expect_ok((run, record): &(Run, Record)) {
    record.check_expected();
    assert_eq!(run.check_sound().code, 0, "{run:#?}");
    assert!(!run.stdout.contains(PASSWORD), "{run:#?}");
}

fn expect_reason(run: &Run, reason: &str) {
    assert_eq!(run.check_sound().code, 2, "{run:#?}");
    assert!(skip_host(run).starts_with(&format!("login failed: {reason}")), "{run:#?}");
}

/// Neither it nor its middle in any base64.
fn expect_no_token(run: &Run) {
    for before in 0..3 {
        let encoded = BASE64_STANDARD.encode(["x".repeat(before), TOKEN.to_owned()].concat());
        let inside = &encoded[8..encoded.len() - 8];
        assert!(!run.stdout.contains(inside), "{inside} in {run:#?}");
    }
    assert!(!run.stdout.contains(TOKEN), "{run:#?}");
}

/// What the client said in AUTHENTICATE itself.
fn first_message(record: &Record) -> String {
    let lines = record.lines();
    let line = lines.iter().find(|line| line.contains(" AUTHENTICATE ")).expect("AUTHENTICATE was sent");
    let message = line.split(' ').nth(3).unwrap().trim_matches('=');
    String::from_utf8(BASE64_STANDARD_NO_PAD.decode(message).unwrap()).unwrap()
}

/// The greeting of the plan, and a good end behind it.
fn bare_greeting(plan: &Plan) -> Vec<Step> {
    let greeting = plan.phases().into_iter().find(|phase| phase.operation == "greeting").unwrap();
    [greeting.answer, leave()].concat()
}

/// The script with these steps in place of the login, whose command ends with the name of the mechanism.
fn without_initial_response(script: Vec<Step>, name: &str, login: &[Step]) -> Vec<Step> {
    let command = format!("AUTHENTICATE {name} ");
    let place = script.iter().position(|step| matches!(step, Step::Expect(text) if *text == command)).unwrap();
    let mut script = script;
    script.splice(place..place + 2, [&[expect(&format!("AUTHENTICATE {name}"))], login].concat());
    script
}

/// The script with TLS of these settings.
fn over(context: &SslContext, script: Vec<Step>) -> Vec<Step> {
    let replace = |step| if matches!(step, Step::StartTls) { Step::StartTlsAs(context.clone()) } else { step };
    script.into_iter().map(replace).collect()
}

fn tls_1_2(options: SslOptions) -> SslContext {
    let mut context = serve(&[&Identity::new(&SERVER, None)]);
    context.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    context.set_options(options);
    context.build()
}
