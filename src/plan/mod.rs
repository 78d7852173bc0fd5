//! The ordered list of phases, fixed before anything is sent. Everything that the options decide about a phase is resolved
//! here, once. Pure: no clock, no network.

mod check;
pub mod range;
pub mod selector;
mod tasks;

pub use check::MAX_ADDRESSES;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use nagiosplugin::ServiceState;

use crate::net::TlsMode;
use crate::operation::{
    CONNECT, Figure, GREETING, LOGIN, LOGOUT, Operation, RESOLVE, STARTTLS, States, Step, TLS, TOKEN,
};
use crate::text;
use range::Range;
use selector::{Selector, TIME, TOTAL, find_most_specific};
use tasks::{PlannedTask, complete_tasks};

/// The most that LOGOUT may take, whatever is left of the total.
pub const LOGOUT_LIMIT: Duration = Duration::from_secs(1);
/// The most that is kept for writing a file; of a short total a tenth.
const MAX_RESERVE: Duration = Duration::from_millis(100);

/// The settings that a plan is made of: operations, limits, states and thresholds.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Request {
    /// How TLS begins: which phases the set-up has.
    pub tls_mode: TlsMode,
    /// Whether an access token is fetched first.
    pub fetches_token: bool,
    /// At least one, in the user's order.
    pub tasks: Vec<RequestedTask>,
    /// Limit of the whole run.
    pub timeout: Duration,
    /// Limits of phases.
    pub limits: Vec<(Selector, Duration)>,
    /// Ranges outside which a phase is a WARNING.
    pub warning: Vec<(Selector, Range)>,
    /// Ranges outside which a phase is CRITICAL.
    pub critical: Vec<(Selector, Range)>,
    /// States of timed-out phases.
    pub on_timeout: Vec<(Selector, ServiceState)>,
    /// States of failed phases.
    pub on_failure: Vec<(Selector, ServiceState)>,
    /// The state of a phase in which the server said `[ALERT]`.
    pub on_alert: ServiceState,
    /// The state of a `select` that the server answered `[READ-ONLY]`.
    pub on_read_only: ServiceState,
    /// Whether a file is to be written at the end, within the limit.
    pub writes_file: bool,
    /// Whether the plan is done against each address of the name.
    pub every_address: bool,
    /// Whether mailboxes are opened read-only (`--examine`).
    pub read_only: bool,
}

/// One operation that the user asks for.
#[derive(Clone, Debug)]
pub struct RequestedTask {
    /// Its kind.
    pub operation: &'static Operation,
    /// The text behind its name and a colon.
    pub target: Option<String>,
}

impl RequestedTask {
    /// The mailbox in its target.
    #[must_use]
    pub fn mailbox(&self) -> Option<&str> {
        self.operation.takes.find_mailbox(self.target.as_deref()?)
    }
}

/// The phases of a run in their order, with their limits.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Every phase gets exactly one outcome.
    pub phases: Vec<Phase>,
    /// The limit of the whole run, from the start of the program.
    pub total: Duration,
    /// The thresholds of the whole run's time.
    pub total_levels: Levels,
    /// The part of the total that is kept for what comes behind the phases: writing a file.
    pub reserve: Duration,
}

/// One entry of the plan.
#[derive(Clone, Debug)]
pub struct Phase {
    /// The operation to perform.
    pub operation: &'static Operation,
    /// The mailbox, keys or pattern for the operation, as the user wrote it.
    pub target: Option<String>,
    /// Its own limit; without one it may use all that is left of the total.
    pub limit: Option<Duration>,
    /// Its limit as it is shown: its own, but never more than the total.
    pub shown_limit: Duration,
    /// Its states if it is not ok.
    pub states: States,
    /// The thresholds of its time.
    pub time_levels: Levels,
    /// The thresholds of each figure of its operation, in the row's order.
    pub figure_levels: Vec<(&'static Figure, Levels)>,
    /// How its perfdata labels begin: `select_INBOX`.
    pub label: String,
    /// If its mailbox must be open: how many phases before it the one stands that opens it.
    pub opener: Option<usize>,
    /// With `--every-address`, the address that it is done against.
    pub address: Option<Address>,
}

/// The thresholds of one figure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Levels {
    /// WARNING outside.
    pub warning: Option<Range>,
    /// CRITICAL outside.
    pub critical: Option<Range>,
}

/// One address of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// From 1, in sorted order.
    pub number: usize,
    /// None while the name is not resolved.
    pub ip: Option<IpAddr>,
}

impl Phase {
    /// As the output has it: `login`, `select Archive`.
    #[must_use]
    pub fn make_title(&self) -> String {
        match &self.target {
            Some(target) => format!("{} {}", self.operation.name, text::show_value(target)),
            None => self.operation.name.to_owned(),
        }
    }

    /// The title behind the address, if there are several: `192.0.2.1 login`.
    #[must_use]
    pub fn make_full_title(&self) -> String {
        let title = self.make_title();
        self.address.and_then(|address| address.ip).map_or(title.clone(), |ip| format!("{ip} {title}"))
    }
}

impl Plan {
    /// Makes the plan, and checks each phase, figure and target that the request names against it, because a typo must
    /// not switch off an alarm.
    ///
    /// # Errors
    /// The option and the name that the plan does not have, and those that it has; too many operations.
    pub fn new(request: &Request) -> Result<Self, String> {
        let tasks = complete_tasks(request);
        check::check_tasks(&tasks, request)?;
        let set_up = match request.tls_mode {
            TlsMode::Implicit => &[&RESOLVE, &CONNECT, &TLS, &GREETING, &LOGIN][..],
            TlsMode::StartTls => &[&RESOLVE, &CONNECT, &GREETING, &STARTTLS, &TLS, &LOGIN],
            TlsMode::None => &[&RESOLVE, &CONNECT, &GREETING, &LOGIN],
        };
        let mut labels = Labels::default();
        let token = request.fetches_token.then_some(&TOKEN);
        let set_up = token.into_iter().chain(set_up.iter().copied());
        let mut phases: Vec<Phase> =
            set_up.map(|operation| resolve_phase(operation, None, request, &mut labels)).collect();
        phases.extend(tasks.into_iter().map(|PlannedTask { operation, target, opener }| Phase {
            opener,
            ..resolve_phase(operation, target, request, &mut labels)
        }));
        phases.push(resolve_phase(&LOGOUT, None, request, &mut labels));
        let find_total = |ranges: &[(Selector, Range)]| {
            let of_total = ranges.iter().rfind(|(selector, _)| selector.phase.as_deref() == Some(TOTAL));
            of_total.map(|(_, range)| range.clone())
        };
        let plan = Self {
            phases,
            total: request.timeout,
            total_levels: Levels { warning: find_total(&request.warning), critical: find_total(&request.critical) },
            reserve: if request.writes_file { MAX_RESERVE.min(request.timeout / 10) } else { Duration::ZERO },
        };
        check::check_names(request, &plan)?;
        Ok(plan)
    }

    /// The part of the plan that is done once, and the part that is done against each address.
    #[must_use]
    pub fn split(&self) -> (Self, Self) {
        let is_once = |phase: &&Phase| [Step::Token, Step::Resolve].iter().any(|step| phase.operation.is_step(*step));
        let once = self.phases.iter().filter(is_once).cloned().collect();
        let each = self.phases.iter().filter(|phase| !is_once(phase)).cloned().collect();
        (Self { phases: once, ..self.clone() }, Self { phases: each, ..self.clone() })
    }

    /// The phase that opens the mailbox of this one, if it must be open.
    #[must_use]
    pub fn find_opener(&self, phase: usize) -> Option<usize> {
        phase.checked_sub(self.phases.get(phase)?.opener?)
    }

    /// The same plan against this address.
    #[must_use]
    pub fn against(mut self, address: Address) -> Self {
        for phase in &mut self.phases {
            phase.address = Some(address);
        }
        self
    }
}

fn resolve_phase(
    operation: &'static Operation,
    target: Option<String>,
    request: &Request,
    labels: &mut Labels,
) -> Phase {
    let label = labels.make(operation, target.as_deref());
    let mut phase = Phase {
        operation,
        target,
        limit: None,
        shown_limit: request.timeout,
        states: operation.states,
        time_levels: Levels::default(),
        figure_levels: Vec::new(),
        label,
        opener: None,
        address: None,
    };
    let levels = |figure: &str| Levels {
        warning: find_most_specific(&request.warning, &phase, figure).cloned(),
        critical: find_most_specific(&request.critical, &phase, figure).cloned(),
    };
    let time_levels = levels(TIME);
    let figure_levels = operation.figures.iter().map(|figure| (*figure, levels(figure.name))).collect();
    let own = find_most_specific(&request.limits, &phase, TIME).copied();
    let on_timeout = find_most_specific(&request.on_timeout, &phase, TIME).copied();
    let on_failure = find_most_specific(&request.on_failure, &phase, TIME).copied();
    phase.limit = if operation.is_end() { Some(own.map_or(LOGOUT_LIMIT, |own| own.min(LOGOUT_LIMIT))) } else { own };
    phase.shown_limit = phase.limit.map_or(request.timeout, |limit| limit.min(request.timeout));
    phase.states.timed_out = on_timeout.unwrap_or(phase.states.timed_out);
    phase.states.failed = on_failure.unwrap_or(phase.states.failed);
    if !operation.is_end() {
        (phase.states.alert, phase.states.read_only) = (request.on_alert, request.on_read_only);
    }
    phase.time_levels = time_levels;
    phase.figure_levels = figure_levels;
    phase
}

/// Beginnings of perfdata labels. Phases of one operation whose labels fall together are numbered.
#[derive(Default)]
struct Labels(BTreeMap<&'static str, UniqueNames>);

impl Labels {
    fn make(&mut self, operation: &'static Operation, target: Option<&str>) -> String {
        let taken = self.0.entry(operation.name).or_default();
        taken.add(match target {
            Some(target) => format!("{}_{}", operation.name, text::make_label(target)),
            None => operation.name.to_owned(),
        })
    }
}

/// Names of which each is given out once.
#[derive(Debug, Default)]
pub struct UniqueNames(BTreeMap<String, usize>);

impl UniqueNames {
    /// `name`, or `name_2`, `name_3` if it is taken. The search begins at the number that the name was last given.
    pub fn add(&mut self, name: String) -> String {
        let last = self.0.entry(name.clone()).or_default();
        *last += 1;
        if *last == 1 {
            return name;
        }
        let mut number = *last;
        let mut candidate = format!("{name}_{number}");
        while self.0.contains_key(&candidate) {
            number += 1;
            candidate = format!("{name}_{number}");
        }
        self.0.insert(candidate.clone(), 1);
        self.0.insert(name, number);
        candidate
    }
}

#[cfg(test)]
mod tests;
