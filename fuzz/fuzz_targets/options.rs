//! Any command line and any extra-opts text: a plan and a report that every consumer can read, or one clean line.
//!
//! The input has an argument per line up to an empty line; then comes the text that `--extra-opts` puts in its place.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::{Corpus, fuzz_target};

use check_imap_session::operation::Value;
use check_imap_session::options::{Options, Request, extra_opts};
use check_imap_session::plan::Plan;
use check_imap_session::report::{Outcome, PhaseReport, Report};
use check_imap_session::text;
use check_imap_session_fuzz::{check_refusal, check_report};

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
        if extra_opts::has_any(std::slice::from_ref(&argument)) {
            all.extend(extra_opts::read_section(ini, "imap")?);
        } else {
            all.push(argument);
        }
    }
    assert!(!Options::guess_timeout(&all).is_zero());
    let options = match Options::parse(&all, Some(b"hunter2".to_vec()))? {
        Request::Check(options) => options,
        Request::Text(text) => {
            assert!(text.ends_with('\n'));
            return Ok(());
        }
    };
    let plan = Plan::new(&options.plan)?;
    assert!(plan.phases.last().is_some_and(|phase| phase.operation.is_end()));
    let tasks = plan.phases.iter().filter(|phase| phase.operation.is_task());
    let planned: Vec<_> = tasks.map(|phase| (phase.operation.name, &phase.target)).collect();
    let wanted: Vec<_> = options.plan.tasks.iter().map(|task| (task.operation.name, &task.target)).collect();
    assert_eq!(planned, wanted);
    assert!(!plan.total.is_zero() && plan.phases.iter().all(|phase| phase.limit.is_none_or(|limit| !limit.is_zero())));

    for outcome in [Outcome::Ok, Outcome::Failed("x".repeat(text::MAX_CHARS).into())] {
        let mut report = Report::new(&plan, Duration::from_secs(1));
        report.phases.extend(plan.phases.iter().map(|phase| {
            let values =
                phase.operation.figures.iter().map(|figure| (*figure, Value::Known(f64::from(u32::MAX)))).collect();
            PhaseReport { time: Some(plan.total), values, ..PhaseReport::new(phase.clone(), outcome.clone()) }
        }));
        check_report(&report, &options);
    }
    Ok(())
}
