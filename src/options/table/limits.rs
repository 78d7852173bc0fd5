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
            doc: "Limit of the whole run, including name resolution, files and LOGOUT. The default is 8 s, \
                  because `check_nrpe` gives up after 10 s and then shows a message of its own.",
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
            doc: "Limit of one phase. Repeatable. `select` stands for each SELECT, `select:NAME` for that of one \
                  mailbox; the other operations work alike.",
            completes: Completes::Limits,
            given: Given::Repeatedly,
            in_check: InCheck::Values(list_limits),
            set: |o, v| add(&mut o.plan.limits, parse_limit(v)),
        },
        Opt {
            short: "w",
            long: "warning",
            value: "[SELECTOR=]RANGE",
            help: "WARNING if a value is outside RANGE, repeatable",
            doc: "WARNING if a value is outside RANGE. SELECTOR names the value, as `PHASE[.FIGURE][:MAILBOX]`; \
                  without it, the value is the time of the whole run. The range of a time may have units, such as `500ms`. \
                  Repeatable.",
            completes: Completes::Thresholds,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |o, v| add(&mut o.plan.warning, parse_threshold(v)),
        },
        Opt {
            short: "c",
            long: "critical",
            value: "[SELECTOR=]RANGE",
            help: "CRITICAL if a value is outside RANGE; SELECTOR is PHASE[.FIGURE][:MAILBOX], default the time of the whole run",
            doc: "CRITICAL if a value is outside RANGE. Repeatable.",
            completes: Completes::Thresholds,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |o, v| add(&mut o.plan.critical, parse_threshold(v)),
        },
        Opt {
            short: "",
            long: "on-timeout",
            value: "[PHASE=]STATE",
            help: "state of a phase that timed out, repeatable",
            doc: "State of a phase that timed out. Without PHASE, of all phases except logout. STATE is `ok`, \
                  `warning`, `critical` or `unknown`. Repeatable.",
            completes: Completes::States,
            given: Given::Repeatedly,
            in_check: InCheck::No,
            set: |o, v| add(&mut o.plan.on_timeout, parse_state(v)),
        },
        Opt {
            short: "",
            long: "on-failure",
            value: "[PHASE=]STATE",
            help: "state of a phase that failed, repeatable; STATE is ok, warning, critical or unknown",
            doc: "State of a phase that failed, written as with `--on-timeout`. Repeatable.",
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
