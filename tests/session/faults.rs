//! The fault matrix: every fault in every phase, as data, and what is known of real servers and of boxes in front of them.
//! The set-up and the usual `select`s are tried in every TLS mode, the other operations without TLS, which makes no
//! difference to them. Each case is held to the invariants of `case.rs`.
use std::collections::HashSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::case::{Case, USER, check_all, dripped};
use crate::data_faults::data_faults;
use crate::testkit::invariants::{check_figures, read_lines};
use crate::testkit::login;
use crate::testkit::plan::{CAPABILITIES, GREETING, LAST_MAILBOX, MODES, Mode, Phase, Plan};
use crate::testkit::plugin::Run;
use crate::testkit::server::Record;
use crate::testkit::step::{Step, drip, expect, leave, send, tagged};
use crate::testkit::well_behaved::{is_last_expect, script};

/// Fits no quotes: it travels as a literal, and comes back in more than one form.
const PASSWORD: &str = r#"say "open\sesame""#;

#[test]
fn no_fault_of_a_greeting_makes_the_run_late_silent_or_wrong() {
    check_all(in_phase("greeting"));
}

#[test]
fn no_fault_of_starttls_makes_the_run_late_silent_or_wrong() {
    check_all(in_phase("starttls"));
}

#[test]
fn no_fault_of_a_handshake_makes_the_run_late_silent_or_wrong() {
    check_all(in_phase("tls"));
}

#[test]
fn no_fault_of_a_login_makes_the_run_late_silent_or_wrong() {
    check_all(in_phase("login"));
}

#[test]
fn no_fault_of_a_login_by_a_sasl_mechanism_makes_the_run_late_silent_or_wrong() {
    let faults = |mode| ["plain", "scram-sha-256"].into_iter().flat_map(move |mechanism| sasl_faults(mode, mechanism));
    check_all([Mode::Clear, Mode::Implicit].into_iter().flat_map(faults).collect());
}

#[test]
fn no_fault_of_the_first_mailbox_costs_the_second_one() {
    check_all(in_phase("select INBOX"));
}

#[test]
fn no_fault_of_an_operation_costs_what_is_before_and_behind_it() {
    let is_other = |phase: &&Phase| phase.is_task && phase.name() != "select INBOX";
    let phases = Plan::of_every_operation(Mode::Clear).phases();
    check_all(phases.iter().filter(is_other).flat_map(|phase| in_phase(&phase.name())).collect());
}

#[test]
fn no_fault_of_a_logout_changes_anything() {
    check_all(in_phase("logout"));
}

#[test]
fn what_real_servers_and_the_boxes_before_them_do_is_reported_as_what_it_is() {
    check_all(field_faults().into_iter().map(Fault::case).collect());
}

#[test]
fn the_matrix_is_as_large_as_it_claims_to_be() {
    let (matrix, field) = (matrix(), field_faults());
    let all = matrix.iter().chain(&field);
    let distinct: HashSet<String> = all.map(|f| format!("{:?} {} {} {}", f.mode, f.phase, f.turn, f.name)).collect();
    assert_eq!(distinct.len(), matrix.len() + field.len(), "a case is there twice");
    // README and the page on reliability have these numbers.
    assert!(matrix.len() + field.len() > 460, "only {} cases", matrix.len() + field.len());
    assert!(field.len() >= 40, "only {} cases from the field", field.len());
    for mode in MODES {
        for phase in phases_of_matrix(mode) {
            let phase = phase.name();
            let names = matrix.iter().filter(|f| f.mode == mode && f.phase == phase).count();
            assert!(names >= 12, "only {names} faults of {phase} in {mode:?}");
        }
    }
}

/// What must become of a phase and of its connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ending {
    /// Its limit ends it.
    Hangs,
    /// It failed with this text, and the dialogue goes on.
    Refused(&'static str),
    /// It failed with this text, and the connection is of no more use.
    Lost(&'static str),
    /// All is well with it, but the next phase fails.
    SpoilsNext(&'static str),
    /// All is well with it and with the next ones, but those go over a fresh connection; it has this note.
    CutOff(&'static str),
    /// No fault at all.
    Harmless,
    /// All is well, but these figures are not known, and a threshold on the first of them says so in this text.
    Without(&'static [&'static str], &'static str),
}

/// One row of the matrix.
struct Fault {
    name: &'static str,
    mode: Mode,
    phase: String,
    /// How many of the client's later commands in the phase are answered well.
    turn: usize,
    /// What the server does in place of the phase's answer, or of the rest of it.
    steps: Vec<Step>,
    ending: Ending,
    /// Whether the plugin trusts another CA than the server's.
    intercepted: bool,
}

fn in_phase(phase: &str) -> Vec<Case> {
    matrix().into_iter().filter(|fault| fault.phase == phase).map(Fault::case).collect()
}

/// The faults of a login by this mechanism, in each of its turns.
fn sasl_faults(mode: Mode, mechanism: &'static str) -> Vec<Case> {
    let exchange = login::exchange(mechanism, PASSWORD);
    let plan = if mode == Mode::Clear { Plan::of_every_operation(mode) } else { Plan::from(mode) };
    let plan = plan.logging_in(mechanism, exchange);
    let login = plan.phases().into_iter().find(|phase| phase.operation == "login").unwrap();
    let turns = 0..login.turns();
    let rows = turns.flat_map(|turn| reply_faults(&login, turn).into_iter().map(move |row| (turn, row)));
    let fault = |(turn, (name, steps, ending))| Fault { turn, ..Fault::new(name, mode, "login", steps, ending) };
    rows.map(fault).map(|fault| fault.case_of(plan.clone())).collect()
}

fn matrix() -> Vec<Fault> {
    let mut rows = Vec::new();
    for mode in MODES {
        for phase in phases_of_matrix(mode) {
            for turn in 0..phase.turns().max(1) {
                let faults = match phase.operation {
                    "greeting" => greeting_faults(mode),
                    "tls" => handshake_faults(),
                    _ => reply_faults(&phase, turn),
                };
                let fault =
                    |(name, steps, ending)| Fault { turn, ..Fault::new(name, mode, &phase.name(), steps, ending) };
                rows.extend(faults.into_iter().map(fault));
            }
        }
    }
    rows
}

/// The phases of the matrix in this mode. The last operation is there to be *ok* behind every fault.
fn phases_of_matrix(mode: Mode) -> Vec<Phase> {
    let usual: Vec<String> = Plan::from(mode).phases().iter().map(Phase::name).collect();
    let mut phases = Plan::of_every_operation(mode).phases_of_server();
    phases.retain(|phase| phase.target != LAST_MAILBOX && (mode == Mode::Clear || usual.contains(&phase.name())));
    phases
}

/// The name of a fault, what the server does, and what comes of it.
pub type Row = (&'static str, Vec<Step>, Ending);

use Ending::{CutOff, Hangs, Harmless, Lost, Refused, SpoilsNext, Without};
use Step::{Close, HalfClose, Reset, Silence};

fn greeting_faults(mode: Mode) -> Vec<Row> {
    let half = || send("* OK [CAPABILITY IMAP4rev1 STA");
    let says = |line: &str| vec![send(&format!("{line}\r\n")), Silence];
    let provisional = "* OK Waiting for authentication process to respond..\r\n";
    let mut rows = vec![
        ("silence", vec![Silence], Hangs),
        ("a byte now and then", dripped("greeting"), Hangs),
        ("half a line, then silence", vec![half(), Silence], Hangs),
        ("half a line, then a close", vec![half(), Close], Lost("closed")),
        ("close", vec![Close], Lost("closed")),
        ("half close", vec![HalfClose], Lost("closed")),
        ("NO", says("* NO no service"), Lost("NO no service")),
        ("BAD", says("* BAD no service"), Lost("BAD no service")),
        ("BYE", vec![send("* BYE Too many connections\r\n"), Close], Lost("BYE Too many connections")),
        ("BYE with a code", says("* BYE [UNAVAILABLE] come back later"), Lost("BYE [UNAVAILABLE] come back later")),
        ("a tagged line", says("zz99 OK done"), Lost("zz99 OK done")),
        ("a line without a tag", says("OK done"), Lost("OK done")),
        ("garbage", vec![garbage(), Silence], Lost("garbage")),
        ("a flood of lines", flood(&provisional.repeat(200)), Lost("more than 1 MiB")),
        ("an endless line", flood(&"x".repeat(8192)), Lost("more than 1 MiB")),
        ("a huge literal announced", says("* 1 FETCH (BODY[] {4294967295}"), Lost("4294967295 bytes")),
        ("a huge literal sent", huge_literal(), Lost("more than 1 MiB")),
        (
            "an early reply",
            vec![send(&format!("{GREETING}a1 OK welcome\r\n")), Silence],
            SpoilsNext(if mode == Mode::Starttls { "" } else { "before it was asked" }),
        ),
        ("text that plays perfdata", says("* BYE x|'login_ok'=1\r\x1b[2J"), Lost("BYE x!'login_ok'=1")),
    ];
    // Behind a handshake there is no way to make one while the client is silent.
    if mode != Mode::Implicit {
        rows.push(("reset", vec![Reset], Lost("reset")));
    }
    rows
}

fn handshake_faults() -> Vec<Row> {
    let bytes = |bytes: &[u8]| Step::Send(bytes.to_vec());
    let half = || bytes(b"\x16\x03\x03\x40\x00\x02\x00\x00");
    let says = |text: &str| vec![send(text), Silence];
    let records = b"\x16\x03\x03\x00\x01\x0e".repeat(1000);
    let mut rows = vec![
        ("silence", vec![Silence], Hangs),
        ("a byte now and then", dripped("tls"), Hangs),
        ("half a record, then silence", vec![half(), Silence], Hangs),
        ("half a record, then a close", vec![half(), Close], Lost("")),
        ("reset", vec![Reset], Lost("")),
        ("close", vec![Close], Lost("")),
        ("half close", vec![HalfClose], Lost("")),
        ("NO in clear", says("* NO no service\r\n"), Lost("not TLS")),
        ("BAD in clear", says("a1 BAD Error in IMAP command\r\n"), Lost("not TLS")),
        ("BYE in clear", says("* BYE Too many connections\r\n"), Lost("not TLS")),
        ("a greeting in clear", says(GREETING), Lost("not TLS")),
        ("garbage", vec![garbage(), Silence], Lost("not TLS")),
        ("a flood of lines", flood(&"* OK still here\r\n".repeat(500)), Lost("not TLS")),
        ("a flood of records", vec![Step::Flood { bytes: records, at_most: 64 << 20 }], Lost("")),
        ("an endless line", flood(&"x".repeat(8192)), Lost("not TLS")),
        ("a huge record announced", vec![bytes(b"\x16\x03\x03\xff\xff\x02"), Silence], Lost("")),
        ("an alert", vec![bytes(b"\x15\x03\x03\x00\x02\x02\x28"), Silence], Lost("the server refused the handshake")),
        ("injected text", vec![send("* BYE go away\r\n"), Step::StartTls], Lost("not TLS")),
    ];
    for (_, steps, _) in &mut rows {
        // What comes before the client has begun the handshake is no answer to it.
        if !matches!(steps[..], [Close]) {
            steps.insert(0, Step::Await);
        }
    }
    rows
}

/// Those of STARTTLS, LOGIN, LOGOUT and the operations, which all wait for a tagged reply.
fn reply_faults(phase: &Phase, turn: usize) -> Vec<Row> {
    let is_last_turn = turn + 1 == phase.turns();
    // No command may go out before the handshake once STARTTLS was not answered well.
    let refused = |text| if phase.operation == "starttls" { Lost(text) } else { Refused(text) };
    let says = |line: &str| vec![send(&format!("{line}\r\n")), Silence];
    let half = || Step::Answer(|tag| format!("* 3 EXISTS\r\n{tag} OK don").into_bytes());
    let early = Step::Answer(|tag| {
        let next = 1 + tag.trim_start_matches('a').parse::<u32>().unwrap();
        format!("{tag} OK done\r\na{next} OK done too\r\n").into_bytes()
    });
    let bye = || Step::Answer(|tag| format!("{tag} OK done\r\n* BYE Closing\r\n").into_bytes());
    // Behind a login there is no other phase that could have cost the connection.
    let cuts = |text| if phase.is_task { CutOff(text) } else { SpoilsNext(text) };
    let mut rows = vec![
        ("silence", vec![Silence], Hangs),
        ("a byte now and then", dripped(phase.operation), Hangs),
        ("half a reply, then silence", vec![half(), Silence], Hangs),
        ("half a reply, then a close", vec![half(), Close], Lost("closed")),
        ("reset", vec![Reset], Lost("reset")),
        ("close", vec![Close], Lost("closed")),
        ("half close", vec![HalfClose], Lost("closed")),
        ("NO", vec![tagged("NO [NOPERM] not you")], refused("NO [NOPERM] not you")),
        ("NO without text", vec![tagged("NO")], refused("NO")),
        ("BAD", vec![tagged("BAD Error in IMAP command")], refused("BAD Error in IMAP command")),
        ("BYE", vec![send("* BYE Too many connections\r\n"), Close], Lost("BYE Too many connections")),
        ("BYE, then silence", says("* BYE shutting down"), Lost("BYE shutting down")),
        ("BYE with a code", says("* BYE [UNAVAILABLE] come back later"), Lost("BYE [UNAVAILABLE] come back later")),
        ("BYE with the tag", vec![tagged("BYE go away"), Silence], Lost("BYE go away")),
        ("a wrong tag", says("zz99 OK done"), Lost("zz99 OK done")),
        ("no tag", says("OK done"), Lost("OK done")),
        ("garbage", vec![garbage(), Silence], Lost("garbage")),
        ("a flood of lines", flood(&"* OK still here\r\n".repeat(500)), Lost("more than 1 MiB")),
        ("an endless line", flood(&"x".repeat(8192)), Lost("more than 1 MiB")),
        ("a huge literal announced", says("* 1 FETCH (BODY[] {4294967295}"), Lost("4294967295 bytes")),
        ("a literal beyond any number", says("* 1 FETCH (BODY[] {99999999999999999999999}"), Lost("announces")),
        ("a huge literal sent", huge_literal(), Lost("more than 1 MiB")),
        ("an early reply", vec![early, Silence], cuts("before it was asked")),
        ("BYE behind the reply", vec![bye(), Close], cuts("BYE Closing")),
        ("BYE behind the reply, then silence", vec![bye(), Silence], cuts("BYE Closing")),
        ("text that plays perfdata", vec![tagged("NO x|'login_ok'=1\r\x1b[2J")], refused("NO x!'login_ok'=1")),
    ];
    // Before the last turn it would stand before a further command of the same phase.
    rows.retain(|(.., ending)| is_last_turn || !matches!(ending, CutOff(_) | SpoilsNext(_)));
    if turn == 0 {
        rows.extend(data_faults(phase.operation));
    }
    match phase.operation {
        "starttls" => {
            rows.retain(|(.., ending)| !matches!(ending, SpoilsNext(_)));
            let answer = |made_of| vec![Step::Answer(made_of), Silence];
            let attack = Lost("plain text");
            rows.extend([
                ("an injected reply", answer(|tag| format!("{tag} OK go\r\na2 OK in\r\n").into_bytes()), attack),
                ("injected data", answer(|tag| format!("{tag} OK go\r\n* CAPABILITY X\r\n").into_bytes()), attack),
                ("half an injected line", answer(|tag| format!("{tag} OK go\r\n*").into_bytes()), attack),
            ]);
        }
        // Whatever comes behind the reply to LOGOUT is for nobody.
        "logout" => rows.retain(|(.., ending)| !matches!(ending, SpoilsNext(_))),
        _ => {
            let echo = refused("end");
            rows.push(("an echo of the password", vec![tagged(&format!("NO {} end", all_forms()))], echo));
            let bye = format!("* BYE {} end\r\n", all_forms());
            rows.push(("BYE with an echo of the password", vec![send(&bye), Close], Lost("end")));
        }
    }
    rows
}

/// The password as it may come back: plain, quoted, encoded.
fn all_forms() -> String {
    let quoted = PASSWORD.replace('\\', "\\\\").replace('"', "\\\"");
    let plain = BASE64_STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
    format!("{PASSWORD} \"{quoted}\" {} {plain}", BASE64_STANDARD.encode(PASSWORD))
}

fn garbage() -> Step {
    Step::Send(b"\x00\x01\xfe\xffgarbage\x1b[31m|'login_ok'=1\r\n".to_vec())
}

fn flood(text: &str) -> Vec<Step> {
    vec![Step::Flood { bytes: text.as_bytes().to_vec(), at_most: 64 << 20 }, Silence]
}

fn huge_literal() -> Vec<Step> {
    [vec![send("* 1 FETCH (BODY[] {1048576}\r\n")], flood(&"x".repeat(8192))].concat()
}

/// What was seen at real servers, proxies, balancers and inspection boxes, in their words.
#[rustfmt::skip]
fn field_faults() -> Vec<Fault> {
    use Mode::{Clear, Implicit, Starttls};
    let line = |text: &str| send(&format!("{text}\r\n"));
    let then_silent = |text: &str| vec![line(text), Silence];
    let then_closed = |text: &str| vec![line(text), Close];
    let searched = "* OK Searched 97% of the mailbox, ETA 0:15";
    let autologout = line("* BYE Autologout; idle for too long");
    let waiting = "* OK Waiting for authentication process to respond..";
    let alert = |code| vec![Step::Await, Step::Send(vec![0x15, 3, 3, 0, 2, 2, code]), Silence];
    let no = |text: &'static str| vec![tagged(text)];
    let row = Fault::new;
    vec![
        // Dovecot.
        row("waiting for its authentication", Implicit, "greeting", then_silent(waiting), Hangs),
        row("its authentication is broken", Starttls, "greeting",
            vec![line(waiting), line("* BYE Disconnected: Auth process broken"), Close], Lost("Auth process broken")),
        row("searching for longer than we wait", Implicit, "select INBOX", vec![drip(&format!("{searched}\r\n").repeat(4), 20)], Hangs),
        row("searching, then done", Implicit, "select Archive",
            vec![line(searched), Step::Pause(std::time::Duration::from_millis(200)), line(searched), line("* 172 EXISTS"), tagged("OK done")], Harmless),
        row("the mailbox is locked", Starttls, "select INBOX",
            no("NO [INUSE] Timeout while waiting for lock"), Refused("NO [INUSE] Timeout while waiting for lock")),
        row("an internal error", Implicit, "select Archive",
            no("NO [SERVERBUG] Internal error occurred. Refer to server log for more information."), Refused("NO [SERVERBUG] Internal error")),
        row("too many connections of this user", Implicit, "login",
            no("NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"), Refused("[LIMIT] Maximum number")),
        row("its user database is away", Implicit, "login",
            no("NO [UNAVAILABLE] Temporary authentication failure. [host:2026-11-23 06:37:32]"), Refused("[UNAVAILABLE] Temporary")),
        row("it is shut down", Implicit, "select INBOX",
            then_closed("* BYE Server shutting down."), Lost("BYE Server shutting down")),
        // Others.
        row("idle too long, said twice", Clear, "select Archive", vec![autologout.clone(), autologout, Close], Lost("BYE Autologout")),
        row("authenticated but not connected", Implicit, "select INBOX",
            no("BAD User is authenticated but not connected."), Refused("BAD User is authenticated but not connected")),
        row("closed with a number", Implicit, "login",
            then_closed("* BYE Connection is closed. 13"), Lost("BYE Connection is closed. 13")),
        row("an application password is wanted", Implicit, "login",
            no("NO [ALERT] Application-specific password required: https://support.example.org/?p=1 (Failure)"), Refused("[ALERT] Application-specific")),
        row("a banner in UTF-8", Implicit, "greeting", vec![line("* OK [CAPABILITY IMAP4rev1] Grüß Gott · 郵件 \u{202e}✓")], Harmless),
        row("a bare tag and OK", Clear, "login", vec![line(&format!("* CAPABILITY {CAPABILITIES}")), tagged("OK")], Harmless),
        // Something else on the port.
        row("an SMTP server", Clear, "greeting", then_silent("220 mail.example.org ESMTP Postfix (Debian/GNU)"), Lost("220 mail.example.org ESMTP")),
        row("an SMTP server behind TLS", Implicit, "greeting", then_silent("220 mail.example.org ESMTP"), Lost("220 mail.example.org ESMTP")),
        row("an SMTP server on the TLS port", Implicit, "tls", then_silent("220 mail.example.org ESMTP"), Lost("not TLS")),
        row("a POP3 server", Clear, "greeting", then_silent("+OK POP3 ready <1896.697170952@mail.example.org>"), Lost("+OK POP3 ready")),
        row("an HTTP server that waits", Clear, "greeting", vec![Silence], Hangs),
        row("an HTTP server on the TLS port", Implicit, "tls",
            vec![Step::Await, line("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"), Silence], Lost("not TLS")),
        row("an HTTP server that speaks first", Starttls, "greeting",
            then_closed("HTTP/1.1 408 Request Time-out\r\nContent-length: 110\r\n"), Lost("HTTP/1.1 408 Request Time-out")),
        row("an SSH server", Clear, "greeting", then_silent("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"), Lost("SSH-2.0-OpenSSH")),
        row("a telnet server", Clear, "greeting", vec![Step::Send(b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27".to_vec()), Silence], Hangs),
        row("implicit TLS on the STARTTLS port", Starttls, "greeting", vec![Step::StartTls], Hangs),
        row("a TLS alert on the STARTTLS port", Starttls, "greeting", vec![Step::Send(b"\x15\x03\x03\x00\x02\x02\x0a".to_vec()), Close],
            Lost("not an IMAP greeting")),
        row("a TLS record in place of a reply", Clear, "login",
            vec![Step::Send(b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03\n".to_vec()), Silence], Lost("something else")),
        // Boxes in between.
        row("a balancer without a server", Clear, "greeting", vec![Close], Lost("closed")),
        row("a balancer without a server, TLS", Implicit, "tls", vec![Close], Lost("")),
        row("a proxy that passes TLS on to a dead server", Implicit, "tls", vec![Step::Await, HalfClose],
            Lost("closed by the server before it answered the handshake")),
        row("the same behind STARTTLS", Starttls, "tls", vec![Step::Await, HalfClose],
            Lost("closed by the server before it answered the handshake")),
        row("a balancer that ends TLS without a server", Implicit, "greeting", vec![Close], Lost("closed")),
        row("a proxy's half close", Starttls, "login", vec![HalfClose], Lost("closed")),
        row("a proxy that cuts a reply", Implicit, "select Archive", vec![line("* FLAGS (\\Seen)"), send("* 17"), HalfClose], Lost("closed")),
        row("a firewall that hides STARTTLS", Starttls, "greeting", vec![send("* OK [CAPABILITY IMAP4rev1 XXXXXXXX] ready\r\n"), Silence],
            SpoilsNext("does not offer STARTTLS")),
        row("PREAUTH before STARTTLS", Starttls, "greeting", then_silent("* PREAUTH welcome"), SpoilsNext("PREAUTH before STARTTLS")),
        row("no logins in clear", Clear, "greeting", vec![send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n")],
            SpoilsNext("LOGINDISABLED")),
        row("no TLS that fits", Implicit, "tls", alert(40), Lost("the server refused the handshake")),
        row("a name that it does not serve", Starttls, "tls", alert(112), Lost("it was asked for no name (see --tls-name)")),
        row("no TLS version that fits", Implicit, "tls", alert(70), Lost("the server has no TLS version from 1.2 on")),
        row("a client certificate is wanted", Starttls, "tls", alert(116), Lost("the server wants a client certificate (see --client-cert)")),
        row("another client certificate is wanted", Implicit, "tls", alert(48), Lost("that it can verify: unknown CA")),
        row("the key of the server is broken", Implicit, "tls", alert(80), Lost("the server refused TLS: an internal error")),
        row("a virus scanner that times out", Implicit, "login", then_closed("* BYE [ALERT] Fatal error: backend timed out"), Lost("backend timed out")),
        Fault { intercepted: true, ..row("an inspecting box with its own CA", Implicit, "tls", vec![Step::StartTls, Silence], Lost("not trusted")) },
        Fault { intercepted: true, ..row("an inspecting box behind STARTTLS", Starttls, "tls", vec![Step::StartTls, Silence], Lost("not trusted")) },
    ]
}

impl Fault {
    fn new(name: &'static str, mode: Mode, phase: &str, steps: Vec<Step>, ending: Ending) -> Self {
        Self { name, mode, phase: phase.to_owned(), turn: 0, steps, ending, intercepted: false }
    }

    fn case(self) -> Case {
        let plan = Plan::of_every_operation(self.mode);
        self.case_of(plan)
    }

    fn case_of(self, plan: Plan) -> Case {
        let ending = self.ending;
        let failing = self.find_failing(&plan);
        let phase = &plan.phases()[failing];
        let code = match ending {
            Harmless | CutOff(_) => 0,
            Without(..) => 1,
            _ if self.phase == "logout" || phase.operation == "logout" => 0,
            Hangs if phase.is_task => 1,
            _ => 2,
        };
        let first = match ending {
            _ if code == 0 => "login 0.".to_owned(),
            Hangs => format!("{} timed out after 0.500 s (its limit 0.5 s)", phase.name()),
            Without(..) => format!("{} 0.", phase.name()),
            _ => format!("{} failed: ", phase.name()),
        };
        let text = match ending {
            Refused(text) | Lost(text) | SpoilsNext(text) | Without(_, text) if code != 0 => text,
            _ => "",
        };
        let options = match ending {
            Hangs => format!("--limit {}=500ms", self.phase.replacen(' ', ":", 1)),
            Without(figures, _) => format!("-w {}.{}=0:", phase.operation, figures[0]),
            _ => String::new(),
        };
        let mut case = Case::new(self.name, plan.clone(), with_literal(self.script(&plan)))
            .password(PASSWORD)
            .args(&format!("-t 60 {options}"))
            .gives(code, &first)
            .saying(text);
        if self.intercepted {
            case = case.intercepted();
        }
        let goes_on = matches!(ending, Refused(_) | Harmless | Without(..));
        let rest = plan.phases_of_fresh_connection(failing, matches!(ending, CutOff(_)));
        let is_fresh = phase.is_task && !goes_on && rest.iter().any(|phase| phase.is_task);
        if is_fresh {
            // What a fresh connection is for once the failing operation is done with.
            case = case.then(with_literal(script(rest)));
        }
        case.also(move |run, record| self.check(&plan, run, record, failing, is_fresh))
    }

    /// The place of the phase that fails.
    fn find_failing(&self, plan: &Plan) -> usize {
        let place = plan.phases().iter().position(|phase| phase.name() == self.phase).unwrap();
        place + usize::from(matches!(self.ending, SpoilsNext(_)))
    }

    fn script(&self, plan: &Plan) -> Vec<Step> {
        let mut phases = plan.phases();
        let place = phases.iter().position(|phase| phase.name() == self.phase).unwrap();
        let phase = &mut phases[place];
        let is_refused = matches!(self.ending, Refused(_));
        if let ([Reset], "greeting") = (&self.steps[..], phase.operation) {
            return vec![Step::Abandon];
        }
        let goes_on = is_refused && phase.is_task || matches!(self.ending, Harmless | Without(..));
        phase.answer = [answer_until(&phase.answer, self.turn), self.steps.clone()].concat();
        if goes_on {
            let is_lost = |phase: &Phase| is_refused && phase.opener == Some(place);
            return script(phases.into_iter().filter(|phase| !is_lost(phase)));
        }
        phases.truncate(place + 1);
        let mut script = script(phases);
        if is_refused && self.phase == "login" && self.mode == Mode::Starttls {
            // Behind STARTTLS the server has not said yet what it can: the refused client asks, for the sake of advice.
            script.extend([expect("CAPABILITY"), tagged("OK")]);
        }
        if is_refused || self.steps.iter().all(|step| matches!(step, Step::Send(_))) {
            script.extend(leave());
        }
        if let [Reset] = self.steps[..] {
            // A reset comes of what was not read.
            let last = script.iter().rposition(|step| matches!(step, Step::Expect(_)));
            last.map(|last| script.remove(last));
        }
        script
    }

    /// Every phase has the outcome that follows from the fault, and the figures that go with it.
    fn check(&self, plan: &Plan, run: &Run, record: &Record, failing: usize, is_fresh: bool) {
        let phases = plan.phases();
        let is_harmless = matches!(self.ending, Harmless | Without(..));
        let lines = read_lines(plan, run);
        for (place, phase) in phases.iter().enumerate() {
            let name = phase.name();
            let wanted = match self.ending {
                _ if name == "logout" => continue,
                _ if is_harmless => "ok",
                CutOff(_) => "ok",
                Hangs if place == failing => "timed out",
                _ if place == failing => "failed",
                _ if phase.opener == Some(failing) => "not run",
                _ if place < failing || phases[failing].is_task => "ok",
                _ => "not run",
            };
            if let Some(lines) = &lines {
                assert_eq!(lines[place].outcome(), wanted, "{name}");
            }
            let label = phase.label("time");
            let timed = wanted == "ok" || wanted == "timed out";
            assert_eq!(run.value(&label).is_some(), timed, "{label}");
            if wanted == "timed out" {
                let time = run.value(&label).unwrap();
                assert!((time - 0.5).abs() < 1e-9, "{label} took {time} s of 0.5");
            }
            if let Some(flag) = run.value(&phase.label("ok")) {
                assert_eq!(flag > 0.5, wanted == "ok", "{}", phase.label("ok"));
            }
            let mut known = phase.clone();
            known.figures.retain(|(figure, _)| match self.ending {
                Without(without, _) if name == self.phase => !without.contains(figure),
                _ => wanted == "ok",
            });
            for (figure, _) in phase.figures.iter().filter(|figure| !known.figures.contains(figure)) {
                assert_eq!(run.value(&phase.label(figure)), None, "{}", phase.label(figure));
            }
            // What a phase is worth whose answer is not the good one, its own row says.
            if name != self.phase || is_harmless {
                check_figures(&known, run);
            }
        }
        if let (CutOff(text), Some(lines)) = (self.ending, &lines) {
            let line = run.phase_line(&phases[failing].name()).unwrap();
            assert!(lines.is_empty() || line.contains("behind it: ") && line.contains(text), "{line}");
        }
        let connections = record.connections;
        assert!(if is_fresh { connections == 2 } else { connections <= 1 }, "{connections} connections");
        let login = phases.iter().position(|phase| phase.operation == "login").unwrap();
        let too_early = !is_harmless && failing < login;
        if too_early || self.ending == SpoilsNext("LOGINDISABLED") {
            assert!(!record.contains(PASSWORD) && !record.contains("LOGIN "), "a password has left");
        }
    }
}

/// The part of an answer in which so many of the client's later commands are answered well, up to the next one of them.
fn answer_until(answer: &[Step], turn: usize) -> Vec<Step> {
    let is_read = |(_, step): &(usize, &Step)| matches!(step, Step::Expect(_));
    let mut read = answer.iter().enumerate().filter(is_read).map(|(place, _)| place);
    let end = turn.checked_sub(1).and_then(|turn| read.nth(turn));
    end.map_or_else(Vec::new, |end| answer[..=end].to_vec())
}

/// The same script for a password that fits no quotes.
fn with_literal(script: Vec<Step>) -> Vec<Step> {
    let with = |step: Step| match step {
        step if is_last_expect(&step, "login") => vec![step, send("+ go on\r\n"), expect("")],
        step => vec![step],
    };
    script.into_iter().flat_map(with).collect()
}
