//! What holds for every plan, whatever became of its phases and whatever a server wrote: properties of the report,
//! read by the same strict grammar as the output of real runs.

use crate::exposition::Exposition;
use crate::plugin::Run;
use crate::testkit::json::read;
use crate::testkit::schedulers::check_all_read;
use check_imap_session::credentials::redactor::Redactor;
use check_imap_session::credentials::secret::Secret;
use check_imap_session::operation::{OPERATIONS, Value};
use check_imap_session::options::{Options, Request};
use check_imap_session::output::FORMATS;
use check_imap_session::plan::{Phase, Plan};
use check_imap_session::report::judge::judge;
use check_imap_session::report::{Cause, Limit, Outcome, PhaseReport, Report};
use check_imap_session::text;
use chrono::Utc;
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

/// The mailboxes are given to the operations in turn.
fn options(mailboxes: &[String], tls: &str, flags: &[String]) -> Options {
    let mut arguments: Vec<String> = ["-H", "imap.example.org", "-u", "joe", "--tls", tls].map(str::to_owned).into();
    arguments.extend(mailboxes.iter().map(|name| format!("--mailbox={name}")));
    // Those that take one get a mailbox in turn, with what else has to stand there.
    let read_only = flags.iter().any(|flag| flag == "--examine");
    let operations = OPERATIONS.iter().filter(|operation| !(read_only && operation.writes));
    arguments.extend(operations.zip(mailboxes.iter().cycle()).map(|(operation, mailbox)| {
        let target = match operation.takes.show_example().split_once('?') {
            // The keys begin behind the first `?`.
            Some((_, keys)) => format!(":{}?{keys}", mailbox.replace('?', "_")),
            None if operation.takes.show_example().is_empty() => String::new(),
            None => format!(":{mailbox}"),
        };
        format!("--operation={}{target}", operation.name)
    }));
    arguments.extend_from_slice(flags);
    match Options::parse(&arguments, Some(PASSWORD.into())) {
        Ok(Request::Check(options)) => *options,
        Ok(Request::Text(text)) => panic!("{text}"),
        Err(why) => panic!("{why}: {arguments:?}"),
    }
}

fn print(options: &Options, fates: &[Fate], obstacle: Option<&str>) -> Printed {
    let plan = Plan::new(&options.plan).unwrap();
    let redactor = Redactor::new(&options.username, &Secret::new(PASSWORD.into()));
    let titles = plan.phases.iter().map(Phase::make_title).collect();
    let mut report = Report::new(&plan, plan.total);
    let fates = fates.iter().cycle();
    report.phases = plan.phases.into_iter().zip(fates).map(|(phase, fate)| fate.report(phase, &redactor)).collect();
    report.timed_out = report.phases.iter().any(|report| matches!(report.outcome, Outcome::TimedOut(_)));
    report.obstacle = obstacle.map(str::to_owned);
    let judged = judge(&report, Utc::now());
    let settings = options.make_output_settings();
    let print_as = |name: &str| {
        let format = FORMATS.iter().find(|format| format.name == name).unwrap();
        (format.render)(&judged, &settings)
    };
    let code = judged.state.exit_code();
    let run = Run { code, stdout: print_as("nagios"), stderr: String::new(), elapsed: Duration::ZERO, peak_kib: 0 };
    let (prometheus, json) = (print_as("prometheus"), print_as("json"));
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
    fn report(&self, phase: Phase, redactor: &Redactor) -> PhaseReport {
        let (outcome, time) = match self {
            Self::Ok(time, ..) => (Outcome::Ok, Some(*time)),
            Self::Failed(text) => (Outcome::Failed(redactor.clean(text).into()), None),
            Self::TimedOut(time) => (Outcome::TimedOut(Limit::Own(Duration::from_micros(*time))), Some(*time)),
            Self::NotRun => (Outcome::NotRun(Cause { why: "login failed".to_owned(), phase: None }), None),
        };
        let mut report = PhaseReport::new(phase, outcome);
        report.time = time.map(Duration::from_micros);
        if let Self::Ok(_, value, note) = self {
            let figures = report.phase.operation.figures.iter();
            report.values = value
                .map(|value| figures.map(|figure| (*figure, Value::Known(value.into()))).collect())
                .unwrap_or_default();
            report.notes = (!note.is_empty()).then(|| redactor.clean(note)).into_iter().collect();
        }
        report
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
                let rest = line.split_once("] ").map_or("", |(_, rest)| rest);
                prop_assert!(rest.starts_with(&format!("{title}: ")), "{title}: {line}");
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
        let json = read(&printed.json);
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
    fn other_schedulers_read_every_label_and_value(
        mailboxes in mailboxes(), tls in tls(), flags in flags(), fates in vec(fate(), 1..12),
    ) {
        check_all_read(&print(&options(&mailboxes, tls, &flags), &fates, None).run);
    }

    #[test]
    fn no_perfdata_takes_the_perfdata_and_nothing_else(
        mailboxes in mailboxes(), tls in tls(), flags in flags(), fates in vec(fate(), 1..12),
    ) {
        let with = print(&options(&mailboxes, tls, &flags), &fates, None);
        let flags = [flags, vec!["--no-perfdata".to_owned()]].concat();
        let without = print(&options(&mailboxes, tls, &flags), &fates, None);
        let (before, perfdata) = with.run.stdout.split_once('|').unwrap();
        let behind = perfdata.find('\n').unwrap();
        prop_assert_eq!(&without.run.stdout, &(before.to_owned() + &perfdata[behind..]));
        prop_assert_eq!((without.run.code, without.prometheus), (with.run.code, with.prometheus));
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
        let label = text::make_label(&name);
        prop_assert!(label.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-'));
        prop_assert_eq!(label.chars().count(), name.chars().count());
    }
}
