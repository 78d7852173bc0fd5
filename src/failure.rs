//! Why something did not work, in words for the user, and what that means for the connection and for the state.

use std::fmt;

/// The cause of a failure, in words that are clean for output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Lower case, without a full stop: the thing and its value.
    pub what: String,
    /// Advice for the administrator: a thing to do or to look at.
    pub hint: Option<String>,
}

/// Why a phase yields nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server said no, and the dialogue can go on.
    Refused(Reason),
    /// The connection is of no more use.
    Lost(Reason),
    /// The monitoring host lacks something, which says nothing about the server. There is no connection either.
    Local(Reason),
}

impl Failure {
    /// The server said no, and the dialogue can go on.
    #[must_use]
    pub fn refused(what: impl Into<String>) -> Self {
        Self::Refused(Reason::from(what.into()))
    }

    /// The connection is of no more use.
    #[must_use]
    pub fn lost(what: impl Into<String>) -> Self {
        Self::Lost(Reason::from(what.into()))
    }

    /// The monitoring host lacks something.
    #[must_use]
    pub fn local(what: impl Into<String>) -> Self {
        Self::Local(Reason::from(what.into()))
    }

    /// The same failure with a hint for the administrator.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        match &mut self {
            Self::Refused(reason) | Self::Lost(reason) | Self::Local(reason) => reason.hint = Some(hint.into()),
        }
        self
    }

    /// The same reason, but the connection is of no more use.
    #[must_use]
    pub fn into_lost(self) -> Self {
        match self {
            Self::Refused(reason) => Self::Lost(reason),
            other => other,
        }
    }

    /// The reason of the failure.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        match self {
            Self::Refused(reason) | Self::Lost(reason) | Self::Local(reason) => reason,
        }
    }

    /// Whether the connection is of no more use.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

impl From<String> for Reason {
    fn from(what: String) -> Self {
        Self { what, hint: None }
    }
}

impl From<&str> for Reason {
    fn from(what: &str) -> Self {
        Self::from(what.to_owned())
    }
}

/// `the server refused TLS (is this the right port?)`
impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            Some(hint) => write!(formatter, "{} ({hint})", self.what),
            None => formatter.write_str(&self.what),
        }
    }
}
