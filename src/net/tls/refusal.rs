//! Why a certificate was refused, in plain words.

use chrono::{DateTime, Utc};
use openssl::x509::X509StoreContextRef;

use super::Request;
use super::certificate::{COMMON_NAME_ONLY, Chain, is_self_issued, list_names, read_certificate, read_chain};
use super::library::Weakness;
use super::reason::advise_on_strength;
use crate::facts::{Certificate, describe_span};
use crate::failure::Reason;

/// Why a chain was refused: OpenSSL's verify result, and the certificate at fault.
pub(super) struct Refusal {
    code: i32,
    words: &'static str,
    depth: u32,
    certificate: Certificate,
    names: String,
    /// The chain, as far as it was found.
    pub(super) chain: Chain,
}

/// `X509_V_ERR_*` that deserve own words.
pub(super) mod verify_result {
    pub const NO_CA_LOCALLY: i32 = 2;
    pub const BAD_SIGNATURE: i32 = 7;
    pub const NOT_YET_VALID: i32 = 9;
    pub const EXPIRED: i32 = 10;
    pub const SELF_SIGNED: i32 = 18;
    pub const SELF_SIGNED_IN_CHAIN: i32 = 19;
    pub const NO_ISSUER_LOCALLY: i32 = 20;
    pub const NO_ISSUER: i32 = 21;
    pub const INVALID_CA: i32 = 24;
    pub const PATH_TOO_LONG: i32 = 25;
    pub const OTHER_PURPOSE: i32 = 26;
    pub const NAME_NOT_PERMITTED: i32 = 47;
    pub const NAME_EXCLUDED: i32 = 48;
    pub const OTHER_NAME: i32 = 62;
    pub const OTHER_ADDRESS: i32 = 64;
    pub const KEY_TOO_SMALL: i32 = 66;
    pub const CA_KEY_TOO_SMALL: i32 = 67;
    pub const HASH_TOO_WEAK: i32 = 68;
    /// OpenSSL 3 has this one beside [`INVALID_CA`].
    pub const NO_CA: i32 = 79;
}

impl Refusal {
    /// By OpenSSL's result, or for a weakness that the library does not look for.
    pub(super) fn of(context: &X509StoreContextRef, weakness: Option<Weakness>) -> Option<Self> {
        let result = context.error();
        let own = Weakness { depth: context.error_depth(), code: result.as_raw() };
        let is_own = weakness.is_none();
        let Weakness { depth, code } = weakness.unwrap_or(own);
        let in_chain = || context.chain()?.get(usize::try_from(depth).ok()?);
        let at_fault = context.current_cert().filter(|_| is_own).or_else(in_chain)?;
        let alone = || Chain { own: read_certificate(at_fault), expiring_ca: None };
        // To AWS-LC a certificate is self-signed only if its key may sign certificates.
        let has_own_signature = || at_fault.public_key().is_ok_and(|key| at_fault.verify(&key).unwrap_or(false));
        let is_self_signed = || is_self_issued(at_fault) && has_own_signature();
        let code = match code {
            verify_result::NO_ISSUER_LOCALLY if depth == 0 && is_self_signed() => verify_result::SELF_SIGNED,
            code => code,
        };
        Some(Self {
            code,
            words: result.error_string(),
            depth,
            certificate: read_certificate(at_fault),
            names: list_names(at_fault),
            chain: context.chain().and_then(read_chain).unwrap_or_else(alone),
        })
    }

    /// Whether it would not have been refused if more certificates were trusted.
    pub(super) fn is_for_want_of_trust(&self) -> bool {
        use verify_result::{NO_CA_LOCALLY, NO_ISSUER, NO_ISSUER_LOCALLY, SELF_SIGNED, SELF_SIGNED_IN_CHAIN};
        matches!(self.code, NO_CA_LOCALLY | SELF_SIGNED | SELF_SIGNED_IN_CHAIN | NO_ISSUER_LOCALLY | NO_ISSUER)
    }

    pub(super) fn describe(&self, request: &Request, now: DateTime<Utc>) -> Reason {
        let Certificate { subject, issuer, not_before, not_after } = &self.certificate;
        let which = if self.depth == 0 { "certificate".to_owned() } else { format!("CA certificate {subject}") };
        let what = match self.code {
            verify_result::EXPIRED => format!("{which} has expired ({} ago)", describe_span(now - not_after)),
            verify_result::NOT_YET_VALID => format!(
                "{which} is not yet valid (from {} on, in {})",
                not_before.format("%Y-%m-%d %H:%M UTC"),
                describe_span(*not_before - now)
            ),
            _ if self.has_address_as_name(request) => {
                format!("certificate has {} as a name, not as an address", request.name)
            }
            verify_result::OTHER_NAME | verify_result::OTHER_ADDRESS => {
                format!("certificate is for {}, not for {}", self.names, request.name)
            }
            verify_result::SELF_SIGNED => format!("certificate of {subject} is self-signed and not trusted"),
            verify_result::SELF_SIGNED_IN_CHAIN => {
                format!("certificate is not trusted: its root {subject} is not known")
            }
            verify_result::NO_ISSUER_LOCALLY | verify_result::NO_ISSUER if self.depth == 0 => format!(
                "certificate is not trusted: the server sent no certificate of its issuer {issuer}, and none is known here"
            ),
            verify_result::NO_CA_LOCALLY | verify_result::NO_ISSUER_LOCALLY | verify_result::NO_ISSUER => {
                format!("{which} is not trusted: its issuer {issuer} is not known")
            }
            verify_result::BAD_SIGNATURE => format!("{which} has a signature that is not of its issuer {issuer}"),
            verify_result::INVALID_CA | verify_result::NO_CA => {
                format!("certificate is not trusted: its issuer {subject} is no CA")
            }
            verify_result::PATH_TOO_LONG => format!("{which} forbids so long a chain of certificates"),
            verify_result::OTHER_PURPOSE => format!("{which} is for another purpose than TLS servers"),
            verify_result::NAME_NOT_PERMITTED | verify_result::NAME_EXCLUDED => {
                format!("{which} has a name that its CA may not sign")
            }
            verify_result::KEY_TOO_SMALL | verify_result::CA_KEY_TOO_SMALL => {
                format!("{which} has a key that is too short for the security level of this host")
            }
            verify_result::HASH_TOO_WEAK => {
                format!("{which} is signed with a hash that is too weak for the security level of this host")
            }
            _ => format!("{which} is not valid: {}", self.words),
        };
        Reason { what, hint: self.advise(request) }
    }

    /// Whether the only fault of an address is the field in which it stands: OpenSSL looks for it among the addresses alone.
    fn has_address_as_name(&self, request: &Request) -> bool {
        let is_address = |name: &str| request.address.is_some() && name.parse().ok() == request.address;
        let mut names = self.names.split(", ").map(|name| name.strip_suffix(COMMON_NAME_ONLY).unwrap_or(name));
        self.code == verify_result::OTHER_ADDRESS && names.any(is_address)
    }

    fn advise(&self, request: &Request) -> Option<String> {
        use verify_result::{CA_KEY_TOO_SMALL, HASH_TOO_WEAK, KEY_TOO_SMALL, OTHER_ADDRESS, OTHER_NAME};
        let is_other_name = matches!(self.code, OTHER_NAME | OTHER_ADDRESS);
        let advice = match self.code {
            KEY_TOO_SMALL | CA_KEY_TOO_SMALL | HASH_TOO_WEAK => return advise_on_strength(Some(request)),
            _ if self.has_address_as_name(request) => {
                return Some("a new one must have it as subjectAltName IP".to_owned());
            }
            _ if is_other_name => "",
            verify_result::NO_ISSUER_LOCALLY | verify_result::NO_ISSUER if self.depth == 0 => {
                "should it send an intermediate certificate? otherwise see --ca-file"
            }
            _ if self.is_for_want_of_trust() => "see --ca-file",
            _ => return None,
        };
        // A server that is asked for no name may show a certificate that it has for such clients alone.
        let advice = match (request.address, advice) {
            (Some(_), "") => "the server was asked for no name: see --tls-name".to_owned(),
            (Some(_), advice) => format!("{advice}, or --tls-name, as the server was asked for no name"),
            (None, advice) => advice.to_owned(),
        };
        (!advice.is_empty()).then_some(advice)
    }
}
