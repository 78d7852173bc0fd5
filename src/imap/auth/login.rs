//! The command LOGIN (RFC 9051 section 6.2.3), which is no SASL mechanism.

use super::{Mechanism, Wants, Way};

pub(super) static LOGIN: Mechanism = Mechanism {
    name: "login",
    help: "the command LOGIN with user name and password",
    wants: Wants::Password,
    sends_secret: true,
    takes_authzid: false,
    way: Way::Command,
};
