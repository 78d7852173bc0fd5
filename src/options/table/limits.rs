//! Options that say how long things may take, and which state follows from what.

use super::super::DEFAULT_TIMEOUT;
use super::super::values::{parse_limit, parse_state, parse_state_name, parse_threshold};
use super::{Completes, Given, InCheck, Opt, Options, Section, add, put};
use crate::plan::range::parse_duration;

/// Limits and states.
pub static SECTION: Section = Section {
    title: "Limits and states",
    options: &[
        Opt {
            short: "t",
            long: "timeout",
            value: "SECONDS",
            help: "limit of the whole run, default 8",
            doc: "Limit of the whole run, name resolution, files and LOGOUT included. The default is 8, because `check_nrpe` \
                  gives up after 10 s and then shows a message of its own.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::Value(|o| {
                let timeout = Some(o.plan.timeout).filter(|timeout| *timeout != DEFAULT_TIMEOUT);
                timeout.map(|timeout| timeout.as_secs_f64().to_string())
            }),
            set: |o, v| put(&mut o.plan.timeout, parse_duration(v)),
        },
        Opt {
            short: "",
            long: "limit",
            value: "PHASE=SECONDS",
            help: "limit of one phase, repeatable; select:NAME for one mailbox",
            doc: "Limit of one phase; repeatable. `select` is each SELECT, `select:NAME` that of one mailbox.",
            completes: Completes::Limits,
            given: Given::Repeatedly,
            in_check: InCheck::Values(list_limits),
            set: |o, v| add(&mut o.plan.limits, parse_limit(v)),
        },
        Opt {
            short: "w",
            long: "warning",
            value: "[SELECTOR=]RANGE",
            help: "WARNING outside RANGE, repeatable",
            doc: "WARNING outside RANGE; repeatable.",
            completes: Completes::Thresholds,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |o, v| add(&mut o.plan.warning, parse_threshold(v)),
        },
        Opt {
            short: "c",
            long: "critical",
            value: "[SELECTOR=]RANGE",
            help: "CRITICAL outside RANGE; SELECTOR is PHASE[.FIGURE][:MAILBOX], without it the total",
            doc: "CRITICAL outside RANGE; repeatable.",
            completes: Completes::Thresholds,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |o, v| add(&mut o.plan.critical, parse_threshold(v)),
        },
        Opt {
            short: "",
            long: "on-timeout",
            value: "[PHASE=]STATE",
            help: "state of a timed-out phase, repeatable",
            doc: "State of a phase that timed out; without PHASE of all but logout; repeatable.",
            completes: Completes::States,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |o, v| add(&mut o.plan.on_timeout, parse_state(v)),
        },
        Opt {
            short: "",
            long: "on-failure",
            value: "[PHASE=]STATE",
            help: "state of a failed phase, repeatable; STATE is ok, warning, critical or unknown",
            doc: "The same for a phase that failed. STATE is `ok`, `warning`, `critical` or `unknown`.",
            completes: Completes::States,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |o, v| add(&mut o.plan.on_failure, parse_state(v)),
        },
        Opt {
            short: "",
            long: "on-alert",
            value: "STATE",
            help: "state of a phase in which the server sends an ALERT, default ok",
            doc: "State of a phase, other than logout, in which the server sends text with the response code `ALERT`. The \
                  default is `ok`. Line 1 has the text in any case.",
            completes: Completes::Words(&["ok", "warning", "critical", "unknown"]),
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.plan.on_alert, parse_state_name(v)),
        },
        Opt {
            short: "",
            long: "on-read-only",
            value: "STATE",
            help: "state of a select whose mailbox can only be read, default ok",
            doc: "State of a `select` that the server answers with `READ-ONLY`. The default is `ok`.",
            completes: Completes::Words(&["ok", "warning", "critical", "unknown"]),
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.plan.on_read_only, parse_state_name(v)),
        },
    ],
};

fn list_limits(options: &Options) -> Vec<String> {
    let show = |(selector, limit): &(crate::plan::selector::Selector, std::time::Duration)| {
        let target = selector.target.as_ref().map(|target| format!(":{target}")).unwrap_or_default();
        format!("{}{target}={}", selector.phase.as_deref().unwrap_or_default(), limit.as_secs_f64())
    };
    options.plan.limits.iter().map(show).collect()
}
