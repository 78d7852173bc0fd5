//! The Nagios plugin output: the state and its reason in one line with all perfdata, then a line per phase.
//! Line 1 has the only `|`: Icinga 2 and Nagios look for more of them in every line.

use nagiosplugin::{Resource, ServiceState};

use super::perfdata::render_perfdata;
use super::summary::{MAX_MESSAGE, cut, summarize};
use super::words::{Hints, describe_outcome, list_details, list_dialogue};
use super::{Format, Settings};
use crate::plan::Address;
use crate::report::Report;
use crate::report::judge::Judged;
use crate::text;

/// For Icinga, Nagios and NRPE.
pub static NAGIOS: Format = Format {
    name: "nagios",
    help: "for Icinga 2, Nagios and NRPE",
    is_whole_or_nothing: false,
    has_check_label: false,
    draws: false,
    render,
    repeated: None,
};

/// The service's name in line 1.
const NAME: &str = "IMAP";
/// Bytes. NRPE carries 64 KB.
const MAX_OUTPUT: usize = 60_000;

fn render(judged: &Judged<'_>, settings: &Settings) -> String {
    let mut output = render_line(judged.state, summarize(judged, settings, Hints::Inside));
    let mut left_out = 0;
    if !settings.no_perfdata {
        output.push('|');
        let (perfdata, rest) = render_perfdata(judged, settings, MAX_OUTPUT - output.len());
        output.push_str(&perfdata);
        left_out = rest;
    }
    output.push('\n');
    let report = judged.report;
    let mut lines = Vec::new();
    lines.extend((left_out > 0).then(|| format!("({left_out} items of perfdata left out: NRPE carries 64 KB)")));
    if judged.state != ServiceState::Ok || settings.verbosity > 0 {
        lines.extend(render_phases(judged, settings));
    }
    if settings.verbosity > 1 {
        lines.extend(describe_decisions(report, settings));
    }
    lines.extend(list_dialogue(report, settings));
    for line in lines {
        if output.len() + line.len() > MAX_OUTPUT {
            output.push_str("(more lines left out: NRPE carries 64 KB)\n");
            break;
        }
        output.push_str(&line);
        output.push('\n');
    }
    output
}

/// The one line for what prevents a run: bad usage, a fault of the monitoring host.
#[must_use]
pub fn render_unknown(why: &str) -> String {
    render_line(ServiceState::Unknown, cut(&text::clean_line(why.as_bytes()), MAX_MESSAGE)) + "\n"
}

/// `IMAP is STATE: message`
fn render_line(state: ServiceState, message: String) -> String {
    Resource::new(NAME).with_fixed_state(state).with_description(message).nagios_result().1
}

/// A line per phase, `[OK] login: 0.042 s`; of several addresses a line each, `[OK] 192.0.2.1: connect 0.001 s, ...`.
/// A phase that was not run has no state of its own: the run's is that of its cause.
fn render_phases(judged: &Judged<'_>, settings: &Settings) -> Vec<String> {
    let mut lines: Vec<(Option<Address>, Option<ServiceState>, String)> = Vec::new();
    for phase in &judged.phases {
        let planned = &phase.report.phase;
        let state = (!phase.report.is_not_run()).then_some(phase.verdict.state);
        let mut what = describe_outcome(phase, judged, Hints::Inside);
        if settings.verbosity > 0 {
            what = [vec![what], list_details(phase, judged)].concat().join(", ");
        }
        let title = planned.make_title();
        match lines.last_mut() {
            Some((address, worst, line)) if address.is_some() && *address == planned.address => {
                *worst = (*worst).max(state);
                line.extend([", ", &title, " ", &what]);
            }
            _ => {
                let ip = planned.address.and_then(|address| address.ip).map(|ip| format!("{ip}: {title} {what}"));
                let line = ip.unwrap_or_else(|| format!("{title}: {what}"));
                lines.push((planned.address, state, line));
            }
        }
    }
    let show_state = |state: Option<ServiceState>| state.map_or("not run".to_owned(), |state| state.to_string());
    lines.into_iter().map(|(_, state, line)| format!("[{}] {line}", show_state(state))).collect()
}

/// The lines that `-vv` adds: limits, trust, and the time that is in the total and in no phase.
fn describe_decisions(report: &Report, settings: &Settings) -> Vec<String> {
    let limit = text::format_limit(report.limit);
    let mut lines = vec![format!("plan: {} port {}, all within {limit}", settings.host, settings.port)];
    let planned = report.phases.iter().map(|report| &report.phase);
    let limits: Vec<String> = planned
        .filter_map(|phase| Some(format!("{} {}", phase.make_full_title(), text::format_limit(phase.limit?))))
        .collect();
    lines.push(format!("limits: {}, others what is left", limits.join(", ")));
    let preparation = report.facts.first().and_then(|facts| facts.preparation);
    lines.extend(preparation.map(|time| format!("before the first phase: {}", text::format_seconds(time))));
    let trust = report.facts.iter().find_map(|facts| facts.trust.as_ref());
    lines.extend(trust.map(|trust| format!("trust: {trust}")));
    lines
}
