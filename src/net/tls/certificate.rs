//! The contents of a certificate, and the reason why it was refused, in plain words.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::nid::Nid;
use openssl::x509::{X509NameRef, X509Ref, X509StoreContextRef};

use crate::facts::{Certificate, describe_span};
use crate::failure::Reason;
use crate::text;

/// Why the certificate was refused: OpenSSL's verify result, and the certificate at fault.
pub(super) struct Refusal {
    code: i32,
    words: &'static str,
    depth: u32,
    certificate: Certificate,
    names: String,
    /// The server's own certificate.
    pub(super) leaf: Certificate,
}

/// `X509_V_ERR_*` that deserve own words.
mod verify_result {
    pub const NOT_YET_VALID: i32 = 9;
    pub const EXPIRED: i32 = 10;
    pub const SELF_SIGNED: i32 = 18;
    pub const SELF_SIGNED_IN_CHAIN: i32 = 19;
    pub const NO_ISSUER_LOCALLY: i32 = 20;
    pub const NO_ISSUER: i32 = 21;
    pub const OTHER_NAME: i32 = 62;
    pub const OTHER_ADDRESS: i32 = 64;
}

impl Refusal {
    pub(super) fn of(context: &X509StoreContextRef) -> Option<Self> {
        let leaf = context.chain().and_then(|chain| chain.get(0)).or_else(|| context.current_cert())?;
        let at_fault = context.current_cert().unwrap_or(leaf);
        let result = context.error();
        Some(Self {
            code: result.as_raw(),
            words: result.error_string(),
            depth: context.error_depth(),
            certificate: read_certificate(at_fault),
            names: list_names(at_fault),
            leaf: read_certificate(leaf),
        })
    }

    /// In words; `name` is the one that was asked for.
    pub(super) fn describe(&self, name: &str, now: DateTime<Utc>) -> Reason {
        let certificate = &self.certificate;
        let which =
            if self.depth == 0 { "certificate".to_owned() } else { format!("CA certificate {}", certificate.subject) };
        let date = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC");
        let see_ca_file = |what: String| Reason { what, hint: Some("see --ca-file".to_owned()) };
        match self.code {
            verify_result::EXPIRED => {
                format!("{which} has expired ({} ago)", describe_span(now - certificate.not_after)).into()
            }
            verify_result::NOT_YET_VALID => format!(
                "{which} is not yet valid (from {} on, in {})",
                date(certificate.not_before),
                describe_span(certificate.not_before - now)
            )
            .into(),
            verify_result::OTHER_NAME | verify_result::OTHER_ADDRESS => {
                format!("certificate is for {}, not for {name}", self.names).into()
            }
            verify_result::SELF_SIGNED => {
                see_ca_file(format!("certificate of {} is self-signed and not trusted", certificate.subject))
            }
            verify_result::SELF_SIGNED_IN_CHAIN => {
                see_ca_file(format!("certificate is not trusted: its root {} is not known", certificate.subject))
            }
            verify_result::NO_ISSUER_LOCALLY | verify_result::NO_ISSUER => {
                see_ca_file(format!("{which} is not trusted: its issuer {} is not known", certificate.issuer))
            }
            _ => format!("{which} is not valid: {}", self.words).into(),
        }
    }
}

pub(super) fn read_certificate(certificate: &X509Ref) -> Certificate {
    Certificate {
        subject: find_common_name(certificate.subject_name()).unwrap_or_else(|| list_names(certificate)),
        issuer: find_common_name(certificate.issuer_name()).unwrap_or_else(|| "(no name)".to_owned()),
        not_before: read_time(certificate.not_before()),
        not_after: read_time(certificate.not_after()),
    }
}

/// The names that a certificate is for: its alternative names, or without any its common name (RFC 9525 takes only the
/// former, OpenSSL also the latter).
fn list_names(certificate: &X509Ref) -> String {
    let names: Vec<String> = certificate
        .subject_alt_names()
        .into_iter()
        .flatten()
        .filter_map(|name| match (name.dnsname(), name.ipaddress()) {
            (Some(dns), _) => Some(text::clean(dns.as_bytes())),
            (_, Some(octets)) => read_address(octets).map(|address| address.to_string()),
            _ => None,
        })
        .collect();
    if !names.is_empty() {
        return text::shorten(&names.join(", "));
    }
    find_common_name(certificate.subject_name())
        .map_or_else(|| "(no name)".to_owned(), |name| format!("{name} (common name only)"))
}

/// The common name, or the organisation.
fn find_common_name(name: &X509NameRef) -> Option<String> {
    [Nid::COMMONNAME, Nid::ORGANIZATIONNAME].into_iter().find_map(|nid| {
        let entry = name.entries_by_nid(nid).next()?;
        Some(text::clean(entry.data().as_slice()))
    })
}

fn read_address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

fn read_time(time: &Asn1TimeRef) -> DateTime<Utc> {
    Asn1Time::from_unix(0)
        .and_then(|epoch| epoch.diff(time))
        .ok()
        .and_then(|since| DateTime::from_timestamp(i64::from(since.days) * 86_400 + i64::from(since.secs), 0))
        .unwrap_or_default()
}
