//! Any command line and any extra-opts text: a plan and a report that every consumer can read, or one clean line.
//!
//! The input has an argument per line up to an empty line; then comes the text that `--extra-opts` puts in its place.

#![no_main]

use check_imap_session::options::{Options, Request};
use check_imap_session::report::{Facts, Outcome, Record, Report};
use check_imap_session::plan::{Operation, Plan};
use check_imap_session::options::extra_opts;
use check_imap_session::text;
use check_imap_session_fuzz::{check_refusal, check_report};
use libfuzzer_sys::{Corpus, fuzz_target};
use std::time::Duration;

fuzz_target!(|input: &str| -> Corpus {
    let (arguments, ini) = input.split_once("\n\n").unwrap_or((input, ""));
    if let Err(why) = try_out(arguments, ini) {
        check_refusal(&why);
    }
    Corpus::Keep
});

fn try_out(arguments: &str, ini: &str) -> Result<(), String> {
    let mut all = Vec::new();
    for argument in arguments.split('\n').map(str::to_owned) {
        // Its files are none of this target's business.
        if extra_opts::wanted(std::slice::from_ref(&argument)) {
            all.extend(extra_opts::options(ini, "imap")?);
        } else {
            all.push(argument);
        }
    }
    assert!(!Options::timeout_hint(&all).is_zero());
    let options = match Options::parse(&all, Some(b"hunter2".to_vec()))? {
        Request::Check(options) => options,
        Request::Text(text) => {
            assert!(text.ends_with('\n'));
            return Ok(());
        }
    };
    let plan = Plan::new(&options)?;
    assert_eq!(plan.phases.first().map(|phase| &phase.operation), Some(&Operation::Resolve));
    assert_eq!(plan.phases.last().map(|phase| &phase.operation), Some(&Operation::Logout));
    let mailboxes: Vec<&str> = plan.phases.iter().filter_map(|phase| phase.operation.mailbox()).collect();
    assert_eq!(mailboxes, options.mailboxes);
    assert!(!plan.total.is_zero() && plan.phases.iter().all(|phase| phase.limit.is_none_or(|limit| !limit.is_zero())));

    let well = Record { time: Some(plan.total), messages: Some(u32::MAX), ..Record::new(Outcome::Ok) };
    let refused = Record::new(Outcome::Failed("x".repeat(text::MAX_CHARS)));
    for record in [well, refused] {
        let report = Report {
            records: vec![record; plan.phases.len()],
            plan: plan.clone(),
            total: Duration::from_secs(1),
            obstacle: None,
            timed_out: false,
            facts: vec![Facts::default()],
        };
        check_report(&report, &options);
    }
    Ok(())
}
