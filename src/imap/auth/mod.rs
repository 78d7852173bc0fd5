//! The ways to log in: one row each, in the file of its family. How the lines of an exchange travel is the business of
//! `dialogue/authenticate.rs`.

mod external;
mod login;
mod oauth;
mod plain;
mod prepare;
mod scram;

use crate::credentials::secret::Secret;
use crate::failure::Failure;
use crate::net::tls::ChannelBinding;
use prepare::{check_token, prepare};

/// All of them. The first one is the default.
pub static MECHANISMS: &[&Mechanism] = &[
    &login::LOGIN,
    &plain::PLAIN,
    &scram::SCRAM_SHA_1,
    &scram::SCRAM_SHA_256,
    &scram::SCRAM_SHA_512,
    &scram::SCRAM_SHA_1_PLUS,
    &scram::SCRAM_SHA_256_PLUS,
    &scram::SCRAM_SHA_512_PLUS,
    &oauth::XOAUTH2,
    &oauth::OAUTHBEARER,
    &external::EXTERNAL,
];

/// The mechanism that is used if the user names none.
pub static DEFAULT: &Mechanism = &login::LOGIN;

/// All that is said or decided about one way to log in.
pub struct Mechanism {
    /// The name in options and output.
    pub name: &'static str,
    /// The line in the documents, `code` between backticks.
    pub help: &'static str,
    /// The secret that it needs.
    pub wants: Wants,
    /// Whether the secret itself is sent, so that without TLS everybody on the way can read it.
    pub sends_secret: bool,
    /// Whether it can carry the name of a user to act as (RFC 4422 section 2, authorization identity).
    pub takes_authzid: bool,
    /// How it is done.
    pub way: Way,
}

/// The secret that a mechanism needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// None.
    Nothing,
    /// A password, exactly as it was given.
    Password,
    /// A password, prepared by `SASLprep` (RFC 4013).
    PreparedPassword,
    /// An access token (RFC 6750).
    Token,
}

/// How a login is done.
#[derive(Clone, Copy)]
pub enum Way {
    /// By the command LOGIN.
    Command,
    /// By AUTHENTICATE.
    Sasl {
        /// The name on the wire.
        name: &'static str,
        /// Begins an exchange. Nothing is sent if it fails.
        start: fn(&Account<'_>) -> Result<Box<dyn Exchange>, Failure>,
    },
}

/// The user that logs in, and the connection that is used for it.
pub struct Account<'a> {
    /// The name that belongs to the secret.
    pub username: &'a str,
    /// The user to act as, if it is another one.
    pub authzid: Option<&'a str>,
    /// The secret.
    pub secret: &'a Secret,
    /// The server's name, as it is asked for.
    pub host: &'a str,
    /// The server's port.
    pub port: u16,
    /// Finds the value that stands for this TLS connection, or says why there is none.
    pub find_binding: &'a dyn Fn() -> Result<ChannelBinding, String>,
}

/// The client's part of one login. Every answer is a secret, because the secret is in it or can be guessed with it.
pub trait Exchange {
    /// Answers a challenge. The first answer comes before any challenge, which then is empty.
    ///
    /// # Errors
    /// The challenge makes no sense, or the server is not the one that it should be.
    fn answer(&mut self, challenge: &[u8]) -> Result<Secret, String>;

    /// The server has accepted the login, or refused it. Returns the reason why it is nevertheless not accepted, or what
    /// the server said about the refusal in a challenge.
    fn conclude(&self, is_accepted: bool) -> Option<String>;

    /// Parts of the exchange by which the password could be guessed, so that no output may have them: a server can repeat
    /// them in any of its lines.
    fn proofs(&self) -> &[Secret] {
        &[]
    }
}

impl Mechanism {
    /// The mechanism with this name on the wire.
    #[must_use]
    pub fn find_offered(offered: &str) -> Option<&'static Self> {
        let is_it = |mechanism: &&&Self| match mechanism.way {
            Way::Sasl { name, .. } => name.eq_ignore_ascii_case(offered),
            Way::Command => false,
        };
        MECHANISMS.iter().find(is_it).copied()
    }
}

impl Wants {
    /// The secret in words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Password | Self::PreparedPassword => "password",
            Self::Token => "access token",
        }
    }

    /// The secret as the mechanism sends it or calculates with it.
    ///
    /// # Errors
    /// No mechanism of this kind can use it.
    pub fn prepare(self, secret: &Secret) -> Result<Secret, String> {
        match self {
            Self::Nothing | Self::Password => Ok(secret.clone()),
            Self::PreparedPassword => Ok(prepare(secret)),
            Self::Token => check_token(secret).map(|()| secret.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
