//! The rows of the set-up: everything between the start and a session that is logged in. The steps themselves are in
//! `run/session.rs`, because each needs the connection as the step before it left it.

use std::net::SocketAddr;

use chrono::{DateTime, Utc};

use super::{Figure, Metric, Operation, Part, States, Step, Summary, Takes, Unit, seconds_of};
use crate::facts::{Certificate, Facts};
use crate::text;

/// An access token.
pub static TOKEN: Operation = Operation {
    name: "token",
    help: "the access token for the login, from `--oauth-token-url` or `--oauth-cache`",
    takes: Takes::Nothing,
    part: Part::SetUp { step: Step::Token, describe: describe_nothing, describe_figure },
    counts: false,
    summary: Summary::Hidden,
    brings: None,
    writes: false,
    states: States::SET_UP,
    figures: &[],
};

/// Name to addresses.
pub static RESOLVE: Operation = Operation {
    name: "resolve",
    help: "name to addresses, by the system's resolver",
    takes: Takes::Nothing,
    part: Part::SetUp { step: Step::Resolve, describe: list_addresses, describe_figure },
    counts: false,
    summary: Summary::Hidden,
    brings: None,
    writes: false,
    states: States::SET_UP,
    figures: &[],
};

/// TCP.
pub static CONNECT: Operation = Operation {
    name: "connect",
    help: "TCP connection to the first address that answers",
    takes: Takes::Nothing,
    part: Part::SetUp { step: Step::Connect, describe: describe_peer, describe_figure },
    counts: false,
    summary: Summary::Hidden,
    brings: None,
    writes: false,
    states: States::SET_UP,
    figures: &[],
};

/// TLS handshake.
pub static TLS: Operation = Operation {
    name: "tls",
    help: "TLS handshake with verification of certificate and name",
    takes: Takes::Nothing,
    part: Part::SetUp { step: Step::Tls, describe: describe_tls, describe_figure: describe_expiry_of_chain },
    counts: false,
    summary: Summary::Hidden,
    brings: None,
    writes: false,
    states: States::SET_UP,
    figures: &[&CERT_DAYS],
};

/// The server's first line.
pub static GREETING: Operation = Operation {
    name: "greeting",
    help: "the server's first line",
    takes: Takes::Nothing,
    part: Part::SetUp { step: Step::Greeting, describe: describe_nothing, describe_figure },
    counts: false,
    summary: Summary::Hidden,
    brings: None,
    writes: false,
    states: States::SET_UP,
    figures: &[],
};

/// STARTTLS.
pub static STARTTLS: Operation = Operation {
    name: "starttls",
    help: "the server agrees to begin TLS",
    takes: Takes::Nothing,
    part: Part::SetUp { step: Step::StartTls, describe: describe_nothing, describe_figure },
    counts: false,
    summary: Summary::Hidden,
    brings: None,
    writes: false,
    states: States::SET_UP,
    figures: &[],
};

/// The login.
pub static LOGIN: Operation = Operation {
    name: "login",
    help: "the server accepts user and password",
    takes: Takes::Nothing,
    part: Part::SetUp { step: Step::Login, describe: describe_nothing, describe_figure },
    counts: true,
    summary: Summary::Full,
    brings: None,
    writes: false,
    states: States::SET_UP,
    figures: &[],
};

/// Days until the first certificate of the chain expires.
pub static CERT_DAYS: Figure = Figure {
    name: "cert_days",
    help: "days until the first certificate of the verified chain expires, the server's own or that of a CA; negative \
           after that, with one decimal; with `--no-verify`: of the certificates that the server sent",
    unit: Unit::DaysUntil,
    metric: Metric {
        name: "certificate_expiry_timestamp_seconds",
        help: "When the first certificate of the verified chain expires, in Unix time.",
        labels: &[],
    },
    absent: "certificate",
    describe: describe_expiry,
};

fn describe_nothing(_: &Facts, _: DateTime<Utc>) -> Vec<String> {
    Vec::new()
}

fn list_addresses(facts: &Facts, _: DateTime<Utc>) -> Vec<String> {
    let addresses: Vec<String> = facts.addresses.iter().map(|address| address.ip().to_string()).collect();
    if addresses.is_empty() { Vec::new() } else { vec![text::shorten(&addresses.join(" "))] }
}

/// The address that answered, and those that were tried beside it.
fn describe_peer(facts: &Facts, _: DateTime<Utc>) -> Vec<String> {
    let Some(peer) = facts.peer else { return Vec::new() };
    let explain = |tried: &SocketAddr| {
        let found = facts.unreachable.iter().find(|(address, _)| address == tried);
        found.map_or("no answer yet", |(_, why)| why.as_str())
    };
    let others = facts.tried.iter().filter(|tried| **tried != peer);
    let mut parts = vec![format!("{} port {}", peer.ip(), peer.port())];
    parts.extend(others.map(|tried| format!("{} did not answer ({})", tried.ip(), explain(tried))));
    parts.extend(facts.announced.map(|own| format!("PROXY protocol header from {} port {}", own.ip(), own.port())));
    parts
}

fn describe_tls(facts: &Facts, now: DateTime<Utc>) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(facts.tls.as_ref().map(|tls| format!("{} {}", tls.version, tls.cipher)));
    parts.extend(facts.certificate.as_ref().map(|certificate| {
        let days = CERT_DAYS.unit.convert(seconds_of(certificate.not_after), now);
        let (verb, distance) = if days < 0.0 {
            ("expired", format!("{:.1} days ago", -days))
        } else {
            ("expires", format!("in {days:.1} days"))
        };
        format!(
            "certificate of {} by {} {verb} {} ({distance})",
            certificate.subject,
            certificate.issuer,
            certificate.not_after.format("%Y-%m-%d %H:%M UTC")
        )
    }));
    parts.extend(facts.own_certificate.as_ref().map(|name| format!("certificate of {name} for a server that asks")));
    if facts.tls.as_ref().is_some_and(|tls| !tls.is_verified) {
        parts.push("not verified (--no-verify)".to_owned());
    }
    parts
}

/// Advice on a phase that a limit ends while the server has said nothing at all.
#[must_use]
pub fn advise_on_silence(operation: &Operation, facts: &Facts) -> Option<&'static str> {
    // A server that expects TLS waits for the client to begin.
    let may_expect_tls = operation.is_step(Step::Greeting) && facts.tls.is_none() && facts.is_silent();
    may_expect_tls.then_some("is it a port for --tls implicit?")
}

/// The note on a certificate of a CA that expires before the server's own.
#[must_use]
pub fn describe_expiring_ca(ca: &Certificate) -> String {
    let expiry = ca.not_after.format("%Y-%m-%d %H:%M UTC");
    format!("the certificate of the CA {} is the first one to expire ({expiry})", ca.subject)
}

fn describe_figure(_: &Facts, figure: &Figure, value: f64) -> String {
    (figure.describe)(value)
}

/// Whose certificate it is, if that is not the server's.
fn describe_expiry_of_chain(facts: &Facts, _: &Figure, days: f64) -> String {
    let ca = facts.expiring_ca.as_ref();
    ca.map_or_else(
        || describe_expiry(days),
        |ca| describe_expiry_of(&format!("certificate of the CA {}", ca.subject), days),
    )
}

fn describe_expiry(days: f64) -> String {
    describe_expiry_of("certificate", days)
}

fn describe_expiry_of(certificate: &str, days: f64) -> String {
    if days < 0.0 {
        format!("{certificate} expired {:.1} days ago", -days)
    } else {
        format!("{certificate} expires in {days:.1} days")
    }
}
