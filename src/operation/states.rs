//! The states that phases have by default if they are not ok, or if the server says something special.

use nagiosplugin::ServiceState;

/// The states of a phase that is not ok.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct States {
    /// A limit ended it.
    pub timed_out: ServiceState,
    /// The server or the network said no.
    pub failed: ServiceState,
    /// An earlier phase made it impossible.
    pub not_run: ServiceState,
    /// The server said `[ALERT]` in it.
    pub alert: ServiceState,
    /// The server opened its mailbox read-only, although it was to be opened for writing.
    pub read_only: ServiceState,
}

impl States {
    /// The states of a set-up phase. If one is not ok, the service cannot be used at all.
    pub const SET_UP: Self = Self { timed_out: ServiceState::Critical, ..Self::TASK };
    /// The states of an operation. If one is not ok, people can log in, but this is slow or refused.
    pub const TASK: Self = Self {
        timed_out: ServiceState::Warning,
        failed: ServiceState::Critical,
        not_run: ServiceState::Unknown,
        ..Self::END
    };
    /// The states of LOGOUT. By then people have done what they wanted to do.
    pub const END: Self = Self {
        timed_out: ServiceState::Ok,
        failed: ServiceState::Ok,
        not_run: ServiceState::Ok,
        alert: ServiceState::Ok,
        read_only: ServiceState::Ok,
    };
}
