//! The ordered list of phases with their limits, fixed before anything is sent. Pure: no clock, no network.
//! The order of phases stands here and nowhere else.

pub mod selector;

use crate::options::{Options, TlsMode};
use crate::plan::selector::{Selector, TIME, TOTAL};
use crate::text::{self, shown};
use std::net::IpAddr;
use std::time::Duration;

/// The most that LOGOUT may take, whatever is left of the total.
pub const LOGOUT_LIMIT: Duration = Duration::from_secs(1);
/// The most that is kept for writing a file; of a short total a tenth.
const MOST_KEPT: Duration = Duration::from_millis(100);

/// What a phase does. A new IMAP operation is a variant here, a line in [`Plan::new`] and an arm in
/// `session.rs`; limits, thresholds, states, perfdata and output follow from these few answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Name to addresses.
    Resolve,
    /// TCP, to the first address that answers.
    Connect,
    /// TLS handshake with verification.
    Tls,
    /// The server's first line (RFC 9051 section 7.1).
    Greeting,
    /// STARTTLS (RFC 9051 section 6.2.1).
    StartTls,
    /// LOGIN (RFC 9051 section 6.2.3).
    Login,
    /// SELECT or EXAMINE of this mailbox (RFC 9051 section 6.3.2).
    Select(String),
    /// LOGOUT (RFC 9051 section 6.1.3).
    Logout,
}

impl Operation {
    /// The name in options, output and perfdata.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Greeting => "greeting",
            Self::StartTls => "starttls",
            Self::Login => "login",
            Self::Select(_) => "select",
            Self::Logout => "logout",
        }
    }

    /// The mailbox, where the operation has one.
    #[must_use]
    pub fn mailbox(&self) -> Option<&str> {
        match self {
            Self::Select(mailbox) => Some(mailbox),
            _ => None,
        }
    }

    /// The figure that it yields beside its time.
    #[must_use]
    pub fn figure(&self) -> Option<&'static str> {
        match self {
            Self::Select(_) => Some("messages"),
            Self::Tls => Some("cert_days"),
            _ => None,
        }
    }

    /// Whether a selector means it (whatever the figure).
    #[must_use]
    pub fn is_meant_by(&self, selector: &Selector) -> bool {
        selector.phase == self.name()
            && match (&selector.target, self.mailbox()) {
                (None, _) => true,
                (Some(target), Some(mailbox)) => same_mailbox(target, mailbox),
                (Some(_), None) => false,
            }
    }

    /// The name with the mailbox, as the output has it: `select Archive`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.mailbox() {
            Some(mailbox) => format!("{} {}", self.name(), text::clean(mailbox.as_bytes())),
            None => self.name().to_owned(),
        }
    }
}

/// One entry of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What is done.
    pub operation: Operation,
    /// Its own limit; without one it may use all that is left of the total.
    pub limit: Option<Duration>,
    /// With `--every-address`, the address that it is done against.
    pub address: Option<Address>,
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
    /// As the output has it: `login`, `select Archive`, `192.0.2.1 login`.
    #[must_use]
    pub fn title(&self) -> String {
        let operation = self.operation.title();
        self.address.and_then(|address| address.ip).map_or(operation.clone(), |ip| format!("{ip} {operation}"))
    }
}

/// What will be done, in this order, under these limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Every phase gets exactly one outcome.
    pub phases: Vec<Phase>,
    /// The limit of the whole run, from the start of the program.
    pub total: Duration,
    /// What of it is kept for what comes behind the phases: writing a file.
    pub kept: Duration,
}

impl Plan {
    /// Makes the plan, and checks everything in the options that names a phase, figure or mailbox against it: a
    /// typo must not silence an alarm.
    ///
    /// # Errors
    /// The option and the name that the plan does not have, and those that it has.
    pub fn new(options: &Options) -> Result<Self, String> {
        use Operation::{Connect, Greeting, Login, Logout, Resolve, Select, StartTls, Tls};
        let mut operations = vec![Resolve, Connect];
        operations.extend(match options.tls {
            TlsMode::Implicit => vec![Tls, Greeting],
            TlsMode::StartTls => vec![Greeting, StartTls, Tls],
            TlsMode::None => vec![Greeting],
        });
        operations.push(Login);
        operations.extend(options.mailboxes.iter().cloned().map(Select));
        operations.push(Logout);

        let phases = operations
            .into_iter()
            .map(|operation| Phase { limit: limit(&operation, options), operation, address: None })
            .collect();
        let kept = options.textfile.as_ref().map(|_| MOST_KEPT.min(options.timeout / 10));
        let plan = Self { phases, total: options.timeout, kept: kept.unwrap_or_default() };
        for (selector, _) in &options.limits {
            plan.check("--limit", selector, Naming::Limit)?;
        }
        for (option, thresholds) in [("--warning", &options.warning), ("--critical", &options.critical)] {
            for (selector, _) in thresholds {
                plan.check(option, selector, Naming::Threshold)?;
            }
        }
        for (option, states) in [("--on-timeout", &options.on_timeout), ("--on-failure", &options.on_failure)] {
            for selector in states.iter().filter_map(|(selector, _)| selector.as_ref()) {
                plan.check(option, selector, Naming::State)?;
            }
        }
        Ok(plan)
    }

    /// The part of the plan that is done once, and the part that is done against each address.
    #[must_use]
    pub fn split(&self) -> (Self, Self) {
        let part = |once: bool| {
            let phases = self.phases.iter().filter(|phase| (phase.operation == Operation::Resolve) == once);
            Self { phases: phases.cloned().collect(), total: self.total, kept: self.kept }
        };
        (part(true), part(false))
    }

    /// The same plan against this address.
    #[must_use]
    pub fn against(mut self, address: Address) -> Self {
        for phase in &mut self.phases {
            phase.address = Some(address);
        }
        self
    }

    /// The phase's limit as perfdata shows it: its own, but never more than the total.
    #[must_use]
    pub fn shown_limit(&self, phase: &Phase) -> Duration {
        phase.limit.map_or(self.total, |limit| limit.min(self.total))
    }

    fn check(&self, option: &str, selector: &Selector, naming: Naming) -> Result<(), String> {
        if selector.phase == TOTAL && naming == Naming::Threshold {
            return if selector.metric() == TIME && selector.target.is_none() {
                Ok(())
            } else {
                Err(format!("{option}: total has no figure but its time and no mailbox, right is total=RANGE"))
            };
        }
        let meant: Vec<&Operation> = self.operations().filter(|operation| operation.name() == selector.phase).collect();
        let Some(first) = meant.first() else {
            let mut phases: Vec<&str> = self.operations().map(Operation::name).collect();
            phases.dedup();
            let hint = if selector.phase == TOTAL { " (the total has its own option, -t)" } else { "" };
            return Err(format!(
                "{option}: {} is not a phase{hint}, those are: {}",
                shown(&selector.phase),
                phases.join(", ")
            ));
        };
        if let Some(metric) = &selector.metric {
            let figures = first.figure().map_or(TIME.to_owned(), |figure| format!("{TIME}, {figure}"));
            if naming != Naming::Threshold {
                return Err(format!(
                    "{option}: {}.{} names a figure, only -w and -c take one",
                    selector.phase,
                    shown(metric)
                ));
            }
            if metric != TIME && first.figure() != Some(metric.as_str()) {
                return Err(format!(
                    "{option}: {} is not a figure of {}, those are: {figures}",
                    shown(metric),
                    selector.phase
                ));
            }
        }
        if let Some(target) = &selector.target {
            let mailboxes: Vec<String> =
                self.operations().filter_map(Operation::mailbox).map(|name| text::clean(name.as_bytes())).collect();
            if naming == Naming::State || first.mailbox().is_none() {
                return Err(format!(
                    "{option}: {}:{} names a mailbox, right is {} alone",
                    selector.phase,
                    shown(target),
                    selector.phase
                ));
            }
            if !meant.iter().any(|operation| operation.is_meant_by(selector)) {
                return Err(format!(
                    "{option}: {} is not a mailbox of this run, those are: {}",
                    shown(target),
                    text::shorten(&mailboxes.join(", "))
                ));
            }
        }
        Ok(())
    }

    fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.phases.iter().map(|phase| &phase.operation)
    }
}

/// What an option that names a phase may name beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// `PHASE[:TARGET]`
    Limit,
    /// `PHASE[.METRIC][:TARGET]` or `total`
    Threshold,
    /// `PHASE`
    State,
}

/// `INBOX` is the one name without regard to case (RFC 9051 section 5.1).
fn same_mailbox(a: &str, b: &str) -> bool {
    a == b || (a.eq_ignore_ascii_case("INBOX") && b.eq_ignore_ascii_case("INBOX"))
}

/// The most specific of the limits that cover this operation; of equal ones the last.
fn limit(operation: &Operation, options: &Options) -> Option<Duration> {
    let own = options
        .limits
        .iter()
        .filter(|(selector, _)| operation.is_meant_by(selector))
        .max_by_key(|(selector, _)| selector.target.is_some())
        .map(|(_, limit)| *limit);
    match operation {
        Operation::Logout => Some(own.map_or(LOGOUT_LIMIT, |own| own.min(LOGOUT_LIMIT))),
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> Result<Plan, String> {
        let mut all = vec!["-H", "localhost", "-u", "joe", "--password-file", "f"];
        all.extend(arguments);
        Plan::new(&Options::from_arguments(&all).unwrap())
    }

    fn titles(arguments: &[&str]) -> String {
        plan(arguments).unwrap().operations().map(Operation::title).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn each_tls_mode_has_its_phases_in_order() {
        assert_eq!(titles(&[]), "resolve, connect, tls, greeting, login, select INBOX, logout");
        assert_eq!(
            titles(&["--tls", "starttls"]),
            "resolve, connect, greeting, starttls, tls, login, select INBOX, logout"
        );
        assert_eq!(
            titles(&["--tls=none", "-m", "b", "-m", "a"]),
            "resolve, connect, greeting, login, select b, select a, logout"
        );
    }

    #[test]
    fn the_most_specific_limit_wins_and_logout_has_at_most_a_second() {
        let plan = plan(&[
            "-m",
            "a",
            "-m",
            "b",
            "--limit",
            "select:b=1",
            "--limit",
            "select=2",
            "--limit",
            "logout=5",
            "-t",
            "1.5",
        ])
        .unwrap();
        let limit = |title: &str| plan.phases.iter().find(|phase| phase.operation.title() == title).unwrap().limit;
        assert_eq!(limit("select a"), Some(Duration::from_secs(2)));
        assert_eq!(limit("select b"), Some(Duration::from_secs(1)));
        assert_eq!(limit("logout"), Some(LOGOUT_LIMIT));
        assert_eq!(limit("login"), None);
        assert_eq!(plan.shown_limit(&plan.phases[5]), Duration::from_millis(1500));
    }

    #[test]
    fn a_textfile_is_given_its_time() {
        assert_eq!(plan(&[]).unwrap().kept, Duration::ZERO);
        assert_eq!(plan(&["--textfile", "x"]).unwrap().kept, Duration::from_millis(100));
        assert_eq!(plan(&["--textfile", "x", "-t", "0.3"]).unwrap().kept, Duration::from_millis(30));
    }

    #[test]
    fn what_the_plan_does_not_have_is_named_with_what_it_has() {
        for (arguments, wanted) in [
            (
                ["--limit", "logon=3"],
                "--limit: logon is not a phase, those are: resolve, connect, tls, greeting, login, select, logout",
            ),
            (["--limit", "starttls=3"], "starttls is not a phase"),
            (["--limit", "total=3"], "has its own option, -t"),
            (["--limit", "select.messages=3"], "names a figure"),
            (["-w", "login.messages=3"], "messages is not a figure of login, those are: time"),
            (["-w", "select:Nope=3"], "Nope is not a mailbox of this run, those are: INBOX"),
            (["-c", "login:INBOX=3"], "names a mailbox"),
            (["-c", "total:INBOX=3"], "right is total=RANGE"),
            (["--on-timeout", "select:INBOX=ok"], "names a mailbox"),
            (["--on-failure", "=ok"], "(empty) is not a phase"),
        ] {
            let error = plan(&arguments).unwrap_err();
            assert!(error.contains(wanted), "{arguments:?}: {error}");
        }
        assert!(plan(&["-w", "select:inbox=3"]).is_ok(), "INBOX has no case");
    }
}
