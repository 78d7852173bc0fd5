//! The text exposition format of Prometheus (0.0.4): what was measured, not how bad it is. Names and HELP texts are
//! constant and labels tell two checks apart: `node_exporter` drops samples of files that disagree.

use crate::options::values::{TLS_MODES, TLS_VERSIONS, name};
use crate::options::{DEFAULT_TIMEOUT, Family, Options, TlsMode, TlsVersion};
use crate::plan::{Operation, Phase};
use crate::report::{Outcome, Report};
use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

/// Longer names of checks are cut.
const MAX_CHECK: usize = 120;

/// One metric with all its samples: labels and value.
struct Metric {
    name: &'static str,
    help: &'static str,
    samples: Vec<(String, String)>,
}

/// All metrics, but for those without a sample.
#[must_use]
pub fn render(report: &Report, options: &Options) -> String {
    let metric = |name, help| Metric { name, help, samples: Vec::new() };
    let mut success = metric("success", "Whether login and every SELECT succeeded.");
    let mut timed_out = metric("timed_out", "Whether a time limit of the check ended a phase.");
    let mut duration = metric("duration_seconds", "Time from the start of the check to its verdict.");
    let mut phase_success = metric("phase_success", "Whether the phase succeeded; 0 also where it was not run.");
    let mut phase_timed_out = metric("phase_timed_out", "Whether a time limit of the check ended the phase.");
    let mut phase_duration =
        metric("phase_duration_seconds", "Time that the phase took, or was given where a time limit ended it.");
    let mut messages = metric("mailbox_messages", "Messages in the mailbox.");
    let mut expiry =
        metric("certificate_expiry_timestamp_seconds", "When the certificate of the server expires, in Unix time.");

    let run = labels(&[
        ("host", options.host.clone()),
        ("port", options.port().to_string()),
        ("check", bounded(check(options))),
    ]);
    let decisive = |phase: &Phase| matches!(phase.operation, Operation::Login | Operation::Select(_));
    let phases = || report.plan.phases.iter().zip(&report.records);
    let is_success = phases().all(|(phase, record)| !decisive(phase) || record.outcome == Outcome::Ok);
    success.add(&run, flag(is_success));
    timed_out.add(&run, flag(report.timed_out));
    duration.add(&run, seconds(report.total));

    let mut seen: HashMap<String, usize> = HashMap::new();
    for (phase, record) in phases() {
        let ip = phase.address.and_then(|address| address.ip).map(|ip| ("address", ip.to_string()));
        let mailbox = phase.operation.mailbox().map(|mailbox| ("mailbox", mailbox.to_owned()));
        let mut place = labels(&mailbox.into_iter().chain(ip).collect::<Vec<_>>());
        // The same mailbox once more: no two samples may have the same labels.
        let times = seen.entry(format!("{} {place}", phase.operation.name())).or_default();
        *times += 1;
        if *times > 1 {
            place = join(&place, &labels(&[("repetition", times.to_string())]));
        }
        let here = join(&run, &place);
        let this = join(&join(&run, &labels(&[("phase", phase.operation.name().to_owned())])), &place);
        phase_success.add(&this, flag(record.outcome == Outcome::Ok));
        phase_timed_out.add(&this, flag(matches!(record.outcome, Outcome::TimedOut(_))));
        if let Some(time) = record.time {
            phase_duration.add(&this, seconds(time));
        }
        let certificate = report.facts(phase).and_then(|facts| facts.certificate.as_ref());
        match (&phase.operation, record.messages, certificate) {
            (Operation::Select(_), Some(count), _) => messages.add(&here, count.to_string()),
            (Operation::Tls, _, Some(certificate)) => expiry.add(&here, certificate.not_after.timestamp().to_string()),
            _ => {}
        }
    }

    // Where nothing could be begun, people wonder why; collectors pass over it.
    let remark = report.obstacle.as_ref().map(|why| format!("# {why}\n")).unwrap_or_default();
    let metrics = [success, timed_out, duration, phase_success, phase_timed_out, phase_duration, messages, expiry];
    metrics.iter().filter(|metric| !metric.samples.is_empty()).map(Metric::print).collect::<String>() + &remark
}

impl Metric {
    fn add(&mut self, labels: &str, value: String) {
        self.samples.push((labels.to_owned(), value));
    }

    fn print(&self) -> String {
        let Self { name, help, samples } = self;
        let mut text = format!("# HELP imap_session_{name} {help}\n# TYPE imap_session_{name} gauge\n");
        for (labels, value) in samples {
            // Writing to a string does not fail.
            let _ = writeln!(text, "imap_session_{name}{{{labels}}} {value}");
        }
        text
    }
}

fn flag(is: bool) -> String {
    u8::from(is).to_string()
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// `host="imap.example.org",port="993"`; of the characters in a value three are escaped.
fn labels(labels: &[(&str, String)]) -> String {
    let escaped = |value: &str| value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    labels.join(",")
}

fn join(a: &str, b: &str) -> String {
    if b.is_empty() { a.to_owned() } else { format!("{a},{b}") }
}

/// What tells two checks of one host and port apart: the account, and what of the session is not as by default.
fn check(options: &Options) -> String {
    let mut words = vec![quoted(&options.username)];
    let mut add = |option: &str, value: &str| {
        words.push(option.to_owned());
        words.extend((!value.is_empty()).then(|| quoted(value)));
    };
    if let Some(family) = options.family {
        add(if family == Family::V4 { "-4" } else { "-6" }, "");
    }
    if options.every_address {
        add("--every-address", "");
    }
    if options.tls != TlsMode::Implicit {
        add("--tls", name(&options.tls, &TLS_MODES));
    }
    if let Some(tls_name) = &options.tls_name {
        add("--tls-name", tls_name);
    }
    if let Some(file) = &options.ca_file {
        add("--ca-file", &file.to_string_lossy());
    }
    if !options.verify {
        add("--no-verify", "");
    }
    if options.tls_min != TlsVersion::V1_2 {
        add("--tls-min", name(&options.tls_min, &TLS_VERSIONS));
    }
    if options.mailboxes != ["INBOX"] {
        for mailbox in &options.mailboxes {
            add("-m", mailbox);
        }
    }
    if options.examine {
        add("--examine", "");
    }
    if options.timeout != DEFAULT_TIMEOUT {
        add("-t", &options.timeout.as_secs_f64().to_string());
    }
    for (selector, limit) in &options.limits {
        let mailbox = selector.target.as_ref().map(|mailbox| format!(":{mailbox}")).unwrap_or_default();
        add("--limit", &format!("{}{mailbox}={}", selector.phase, limit.as_secs_f64()));
    }
    words.join(" ")
}

/// In quotes where it could be taken for something else. Without `"` and control characters: Grafana does not escape those
/// where it puts a chosen label into a query.
fn quoted(value: &str) -> String {
    let is_special = |char: char| char.is_whitespace() || char.is_control() || ['\'', '"'].contains(&char);
    if !value.starts_with('-') && !value.contains(is_special) {
        return value.to_owned();
    }
    let escaped = |char: char| match char {
        '"' => r"\x22".to_owned(),
        '\\' | '\'' => format!("\\{char}"),
        char if char.is_control() => char.escape_default().to_string(),
        char => char.to_string(),
    };
    format!("'{}'", value.chars().map(escaped).collect::<String>())
}

/// A long name is cut and gets a checksum (FNV-1a, 64 bits), so that it still is like no other.
fn bounded(name: String) -> String {
    if name.len() <= MAX_CHECK {
        return name;
    }
    let sum = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let end = (0..=MAX_CHECK - 20).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    format!("{}... {sum:016x}", name.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(arguments: &[&str]) -> String {
        let mut all = vec!["-H", "h", "-u", "joe", "--password-file", "f"];
        all.extend(arguments);
        bounded(check(&Options::from_arguments(&all).unwrap()))
    }

    #[test]
    fn checks_of_one_server_have_names_of_their_own() {
        assert_eq!(checked(&[]), "joe");
        assert_eq!(checked(&["-m", "INBOX", "-t", "8s", "-w", "2"]), "joe");
        assert_eq!(checked(&["-6", "--tls", "starttls", "-m", "a b"]), "joe -6 --tls starttls -m 'a b'");
        assert_eq!(
            checked(&["--limit", "select:a=b=500ms", "-m", "a=b", "-t", "5"]),
            "joe -m a=b -t 5 --limit select:a=b=0.5"
        );
        let pairs: [(&[&str], &[&str]); 6] = [
            (&["-m", "A -m B"], &["-m", "A", "-m", "B"]),
            (&["-u", "joe -4"], &["-4"]),
            (&["-m", "'A'"], &["-m", "A"]),
            (&["-m", "a' -m 'b"], &["-m", "a", "-m", "b"]),
            (&["-m", "a\"b "], &["-m", "a\\x22b "]),
            (&["-m", "a\u{85}b"], &["-m", "a\\u{85}b"]),
        ];
        for (one, other) in pairs {
            let (one, other) = (checked(one), checked(other));
            assert!(one != other && !(one + &other).contains(|char: char| char == '"' || char.is_control()));
        }
        let long: Vec<String> = (0..100).map(|number| format!("--mailbox=ü{number}")).collect();
        let mut long: Vec<&str> = long.iter().map(String::as_str).collect();
        let one = checked(&long);
        long.swap(98, 99);
        let other = checked(&long);
        assert!(one != other && one.len() <= MAX_CHECK && one.starts_with("joe -m ü0 -m ü1"), "{one}, {other}");
    }

    #[test]
    fn what_would_end_a_label_is_escaped() {
        assert_eq!(labels(&[("mailbox", "a\"b\\c\nd".to_owned())]), r#"mailbox="a\"b\\c\nd""#);
    }
}
