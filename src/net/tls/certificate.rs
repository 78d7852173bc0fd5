//! The contents of certificates. Why one was refused is in `refusal.rs`.

use std::cmp::Ordering;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::nid::Nid;
use openssl::stack::StackRef;
use openssl::x509::{X509, X509NameRef, X509Ref};

use crate::facts::Certificate;
use crate::text;

/// Stands behind a common name.
pub(super) const COMMON_NAME_ONLY: &str = " (common name only)";

/// The certificates of a chain that are worth to be reported.
#[derive(Clone)]
pub(super) struct Chain {
    /// The server's.
    pub own: Certificate,
    /// That of the CA which expires first, if it expires before the server's own.
    pub expiring_ca: Option<Certificate>,
}

/// Reads a chain that begins with the server's certificate.
pub(super) fn read_chain(chain: &StackRef<X509>) -> Option<Chain> {
    let mut certificates = chain.iter();
    let own = read_certificate(certificates.next()?);
    let first = certificates.map(|ca| (read_time(ca.not_after()), ca)).min_by_key(|(expiry, _)| *expiry);
    let expiring_ca = first.filter(|(expiry, _)| *expiry < own.not_after).map(|(_, ca)| read_certificate(ca));
    Some(Chain { own, expiring_ca })
}

pub(super) fn read_certificate(certificate: &X509Ref) -> Certificate {
    Certificate {
        subject: find_common_name(certificate.subject_name()).unwrap_or_else(|| list_names(certificate)),
        issuer: find_common_name(certificate.issuer_name()).unwrap_or_else(|| "(no name)".to_owned()),
        not_before: read_time(certificate.not_before()),
        not_after: read_time(certificate.not_after()),
    }
}

/// Whether a certificate names itself as its issuer.
pub(super) fn is_self_issued(certificate: &X509Ref) -> bool {
    certificate.subject_name().try_cmp(certificate.issuer_name()).is_ok_and(Ordering::is_eq)
}

/// The names that a certificate is for: its alternative names, or without any its common name (RFC 9525 takes only the
/// former, OpenSSL also the latter).
pub(super) fn list_names(certificate: &X509Ref) -> String {
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
        .map_or_else(|| "(no name)".to_owned(), |name| format!("{name}{COMMON_NAME_ONLY}"))
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
