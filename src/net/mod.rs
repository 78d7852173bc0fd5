//! Name to addresses, addresses to a TCP connection, TLS over it. Nothing here knows IMAP or the command line.

pub mod connect;
pub mod proxy_protocol;
pub mod resolve;
pub mod source;
pub mod tcp;
pub mod tls;

use std::net::IpAddr;
use std::path::PathBuf;

use proxy_protocol::ProxyProtocol;

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// One address family only.
    pub family: Option<Family>,
    /// Connect from this address of ours.
    pub source: Option<IpAddr>,
    /// Begin with the header of a proxy.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// How TLS begins.
    pub tls_mode: TlsMode,
    /// Name for SNI and verification.
    pub tls_name: String,
    /// Trust the CAs in this file only.
    pub ca_file: Option<PathBuf>,
    /// The certificate that the server gets if it asks for one.
    pub client_cert: Option<PathBuf>,
    /// Its key, if that is in a file of its own.
    pub client_key: Option<PathBuf>,
    /// Verify certificate and name.
    pub verify: bool,
    /// The oldest TLS version that is accepted.
    pub tls_min: TlsVersion,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `-4`
    V4,
    /// `-6`
    V6,
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// At once (RFC 8314 section 3.2).
    Implicit,
    /// After STARTTLS (RFC 9051 section 6.2.1).
    StartTls,
    /// Never.
    None,
}

/// A TLS version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TlsVersion {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
}

impl Default for Settings {
    /// No server yet; TLS at once, verified by the CAs of the system.
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            family: None,
            source: None,
            proxy_protocol: None,
            tls_mode: TlsMode::Implicit,
            tls_name: String::new(),
            ca_file: None,
            client_cert: None,
            client_key: None,
            verify: true,
            tls_min: TlsVersion::V1_2,
        }
    }
}

impl TlsMode {
    /// Each mode with its name in options and output.
    pub const NAMES: [(&'static str, Self); 3] =
        [("implicit", Self::Implicit), ("starttls", Self::StartTls), ("none", Self::None)];

    /// The name in options and output.
    #[must_use]
    pub fn name(self) -> &'static str {
        find_name(&self, &Self::NAMES)
    }

    /// The port where servers offer this mode (RFC 8314 section 3.2, RFC 9051 section 2.1).
    #[must_use]
    pub fn choose_default_port(self) -> u16 {
        if self == Self::Implicit { 993 } else { 143 }
    }
}

impl TlsVersion {
    /// Each version with its name in options and output.
    pub const NAMES: [(&'static str, Self); 4] =
        [("1.0", Self::V1_0), ("1.1", Self::V1_1), ("1.2", Self::V1_2), ("1.3", Self::V1_3)];

    /// The name in options and output.
    #[must_use]
    pub fn name(self) -> &'static str {
        find_name(&self, &Self::NAMES)
    }

    /// Whether servers are accepted with keys and signatures that are too weak today: those of old versions often have them.
    #[must_use]
    pub fn takes_weak(self) -> bool {
        self < Self::V1_2
    }
}

fn find_name<T: PartialEq>(value: &T, names: &[(&'static str, T)]) -> &'static str {
    names.iter().find(|(_, other)| other == value).map_or("", |(name, _)| name)
}
