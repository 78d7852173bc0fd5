//! What holds for every plan, whatever became of its phases and whatever a server wrote: properties of the report,
//! read by the same strict grammar as the output of real runs.

use crate::exposition::Exposition;
use crate::plugin::Run;
use check_imap_session::credentials::secret::{Redactor, Secret};
use check_imap_session::options::{Format, Options, Request};
use check_imap_session::output;
use check_imap_session::plan::Plan;
use check_imap_session::report::judge::judge;
use check_imap_session::report::{Certificate, Facts, Limit, Outcome, Record, Report};
use check_imap_session::text;
use chrono::{TimeDelta, Utc};
use nagiosplugin::ServiceState;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

const PASSWORD: &str = "hunter2 \"quoted\"";

/// A report of any plan with any outcomes, as the plugin would print it.
#[derive(Debug)]
struct Printed {
    run: Run,
    /// The same report in the other formats.
    prometheus: String,
    json: String,
    titles: Vec<String>,
    verbosity: usize,
}

fn options(mailboxes: &[String], tls: &str, flags: &[String]) -> Options {
    let mut arguments: Vec<String> = ["-H", "imap.example.org", "-u", "joe", "--tls", tls].map(str::to_owned).into();
    arguments.extend(mailboxes.iter().map(|name| format!("--mailbox={name}")));
    arguments.extend_from_slice(flags);
    match Options::parse(&arguments, Some(PASSWORD.into())) {
        Ok(Request::Check(options)) => *options,
        Ok(Request::Text(text)) => panic!("{text}"),
        Err(why) => panic!("{why}: {arguments:?}"),
    }
}

fn print(options: &Options, fates: &[Fate], obstacle: Option<&str>) -> Printed {
    let plan = Plan::new(options).unwrap();
    let fates = fates.iter().cycle();
    let redactor = Redactor::new(&options.username, &Secret::new(PASSWORD.into()));
    let records: Vec<Record> = plan.phases.iter().zip(fates).map(|(_, fate)| fate.record(&redactor)).collect();
    let titles = plan.phases.iter().map(|phase| phase.operation.title()).collect();
    let now = Utc::now();
    let certificate = Certificate {
        subject: "s".to_owned(),
        issuer: "i".to_owned(),
        not_before: now,
        not_after: now + TimeDelta::days(3),
    };
    let timed_out = records.iter().any(|record| matches!(record.outcome, Outcome::TimedOut(_)));
    let report = Report {
        total: plan.total,
        obstacle: obstacle.map(str::to_owned),
        plan,
        records,
        timed_out,
        facts: vec![Facts { certificate: Some(certificate), ..Facts::default() }],
    };
    let verdict = judge(&report, options, now);
    let as_format = |format| output::render(format, &report, &verdict, options, now);
    let (stdout, prometheus, json) =
        (as_format(Format::Nagios), as_format(Format::Prometheus), as_format(Format::Json));
    let code = verdict.state.exit_code();
    let run = Run { code, stdout, stderr: String::new(), elapsed: Duration::ZERO, peak_kib: 0 };
    Printed { run, prometheus, json, titles, verbosity: options.verbosity }
}

/// What becomes of a phase; the text is a server's.
#[derive(Clone, Debug)]
enum Fate {
    Ok(u64, Option<u32>, Vec<u8>),
    Failed(Vec<u8>),
    TimedOut(u64),
    NotRun,
}

impl Fate {
    fn record(&self, redactor: &Redactor) -> Record {
        let record = |outcome, time: Option<u64>| Record {
            outcome,
            time: time.map(Duration::from_micros),
            messages: None,
            note: None,
        };
        match self {
            Self::Ok(time, messages, note) => {
                let note = (!note.is_empty()).then(|| redactor.clean(note));
                Record { messages: *messages, note, ..record(Outcome::Ok, Some(*time)) }
            }
            Self::Failed(text) => record(Outcome::Failed(redactor.clean(text)), None),
            Self::TimedOut(time) => record(Outcome::TimedOut(Limit::Own(Duration::from_micros(*time))), Some(*time)),
            Self::NotRun => record(Outcome::NotRun("login failed".to_owned()), None),
        }
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    let text = || prop_oneof![vec(any::<u8>(), 0..400), ".{0,300}".prop_map(String::into_bytes), hostile()];
    prop_oneof![
        (0..90_000_000_u64, any::<Option<u32>>(), text()).prop_map(|(t, m, n)| Fate::Ok(t, m, n)),
        text().prop_map(Fate::Failed),
        (0..90_000_000_u64).prop_map(Fate::TimedOut),
        Just(Fate::NotRun),
    ]
}

/// Text that tries to be something else: a line, a metric, a secret.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        &b"|"[..],
        b"\r\n",
        b"\n[OK] login: 0.000 s",
        b" | 'total'=0s",
        b"\x1b[2J",
        b"\xff\xfe\xc3",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"a",
        PASSWORD.as_bytes(),
        b"aHVudGVyMiAicXVvdGVkIg==",
    ]);
    vec(part, 1..30).prop_map(|parts| parts.concat())
}

fn mailboxes() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof!["[a-zA-Z]{1,8}", "[^\0]{1,20}", "[ab/_ ]{1,3}", Just("Entwürfe".to_owned())];
    vec(name, 1..6)
}

fn flags() -> impl Strategy<Value = Vec<String>> {
    let flag = prop::sample::select(vec![
        "--perfdata-u",
        "-v",
        "-vv",
        "--no-verify",
        "--examine",
        "--warning=2",
        "--critical=login=~:10",
        "--warning=select=@10:20",
        "--critical=select.messages=1:",
        "--limit=select=0.5",
        "--on-timeout=ok",
        "--on-failure=unknown",
        "--timeout=500ms",
    ]);
    vec(flag.prop_map(str::to_owned), 0..6)
}

fn tls() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["implicit", "starttls", "none"])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_report_can_be_read_and_has_every_planned_phase_once_and_in_order(
        mailboxes in mailboxes(), tls in tls(), flags in flags(), fates in vec(fate(), 1..12), obstacle in any::<bool>(),
    ) {
        let options = options(&mailboxes, tls, &flags);
        let printed = print(&options, &fates, obstacle.then_some("--password-file: f: gone"));
        printed.run.check_sound();
        let long_text = printed.run.long_text();
        if printed.run.code == ServiceState::Ok.exit_code() && printed.verbosity == 0 {
            prop_assert!(long_text.is_empty());
        } else {
            for (line, title) in long_text.iter().zip(&printed.titles) {
                let told = line.split_once("] ").map_or("", |(_, told)| told);
                prop_assert!(told.starts_with(&format!("{title}: ")), "{title}: {line}");
            }
            let decisions = if printed.verbosity > 1 { 2 } else { 0 };
            prop_assert_eq!(long_text.len(), printed.titles.len() + decisions);
        }
        let planned = printed.titles.len();
        let exposition = Exposition::read(&printed.prometheus);
        for metric in ["imap_session_phase_success", "imap_session_phase_timed_out"] {
            prop_assert_eq!(exposition.values(metric, &[]).len(), planned);
        }
        for mailbox in &mailboxes {
            prop_assert!(!exposition.values("imap_session_phase_success", &[("mailbox", mailbox.as_str())]).is_empty());
        }
        let json: serde_json::Value = serde_json::from_str(&printed.json).unwrap();
        prop_assert_eq!(json["phases"].as_array().map(Vec::len), Some(planned));
        prop_assert_eq!(&json["exit_code"], printed.run.code);
        for output in [&printed.run.stdout, &printed.prometheus, &printed.json] {
            prop_assert!(!output.contains("hunter2") && !output.contains("aHVudGVyMiAicXVvdGVkIg"), "{}", output);
        }
    }

    #[test]
    fn labels_and_their_order_depend_on_the_options_alone(
        mailboxes in mailboxes(), tls in tls(), flags in flags(), fates in vec(fate(), 1..12),
    ) {
        let mut complete = flags.clone();
        complete.push("--perfdata-u".to_owned());
        let all_well = print(&options(&mailboxes, tls, &complete), &[Fate::Ok(1, Some(1), Vec::new())], None);
        let printed = print(&options(&mailboxes, tls, &complete), &fates, None);
        prop_assert_eq!(all_well.run.labels(), printed.run.labels());
        // Without --perfdata-u some are left out, none is moved.
        let printed = print(&options(&mailboxes, tls, &flags), &fates, None);
        let mut all = all_well.run.labels().into_iter();
        for label in printed.run.labels() {
            prop_assert!(all.any(|other| other == label), "{label} is out of its place");
        }
    }

    #[test]
    fn no_text_adds_a_line_or_a_control_character(bytes in prop_oneof![vec(any::<u8>(), 0..2000), hostile()]) {
        let line = text::clean(&bytes);
        prop_assert!(line.chars().count() <= 200);
        let bad = |c: char| c.is_control() || c == '|' || ('\u{2028}'..='\u{202E}').contains(&c);
        prop_assert!(!line.contains(bad), "{}", line);
    }

    #[test]
    fn a_label_has_only_what_every_consumer_takes(name in any::<String>()) {
        let label = text::label(&name);
        prop_assert!(label.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-'));
        prop_assert_eq!(label.chars().count(), name.chars().count());
    }
}
