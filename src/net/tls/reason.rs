//! The errors of OpenSSL in plain words. All that differs between TLS libraries is here: texts and numbers of errors.

use std::io;

use openssl::error::ErrorStack;
use openssl::ssl::Error;

use super::{Request, library};
use crate::failure::Failure;
use crate::net::TlsVersion;
use crate::text;

/// The reason of an alert is this plus its number (RFC 8446 section 6), in every library.
const ALERTS: i32 = 1000;

/// Alerts by the names of RFC 8446 section 6 and RFC 5246 section 7.2, as people write them.
#[rustfmt::skip]
const ALERT_NAMES: &[(u8, &str)] = &[
    (10, "unexpected message"), (20, "bad record MAC"), (21, "decryption failed"), (22, "record overflow"),
    (42, "bad certificate"), (43, "unsupported certificate"), (44, "certificate revoked"), (45, "certificate expired"),
    (46, "certificate unknown"), (47, "illegal parameter"), (48, "unknown CA"), (49, "access denied"), (50, "decode error"),
    (51, "decrypt error"), (80, "an internal error of its own"), (86, "inappropriate fallback"), (90, "canceled by its user"),
    (100, "no renegotiation"), (109, "missing extension"), (110, "unsupported extension"),
    (113, "bad certificate status response"), (115, "unknown PSK identity"), (120, "no application protocol"),
];

/// The first error of a stack: the others follow from it.
#[allow(clippy::needless_pass_by_value, reason = "goes into map_err")]
pub(super) fn describe_stack(error: ErrorStack) -> String {
    format!("{}: {}", library::NAME, find_first_reason(&error))
}

pub(super) fn find_first_reason(stack: &ErrorStack) -> String {
    let reason = stack.errors().first().and_then(openssl::error::Error::reason).unwrap_or("unknown error");
    text::clean(library::read_reason(reason).as_bytes())
}

/// The server closed without a word. (OpenSSL 3 takes an end of stream without `close_notify` for an error.)
pub(super) fn is_end_of_stream(stack: &ErrorStack) -> bool {
    find_first_reason(stack) == "unexpected eof while reading"
}

/// Whether an error of reading or writing is an end of stream.
#[must_use]
pub fn is_closed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof || find_stack(error).is_some_and(is_end_of_stream)
}

/// The TLS error behind an error of reading or writing, if there is one.
#[must_use]
pub fn explain_io_error(error: &io::Error) -> Option<Failure> {
    Some(explain_stack(find_stack(error)?, None))
}

fn find_stack(error: &io::Error) -> Option<&ErrorStack> {
    error.get_ref()?.downcast_ref::<Error>()?.ssl_error()
}

/// An error of the handshake, or behind it one without a request.
pub(super) fn explain_stack(stack: &ErrorStack, request: Option<&Request>) -> Failure {
    let number = stack.errors().first().and_then(|error| find_alert(error.reason_code()));
    number.map_or_else(|| explain_reason(&find_first_reason(stack), request), |alert| explain_alert(alert, request))
}

fn find_alert(reason: i32) -> Option<u8> {
    u8::try_from(reason.checked_sub(ALERTS)?).ok()
}

/// An alert is the server's refusal.
fn explain_alert(alert: u8, request: Option<&Request>) -> Failure {
    let name = ALERT_NAMES.iter().find(|(number, _)| *number == alert);
    let name = name.map_or_else(|| format!("alert {alert}"), |(_, name)| (*name).to_owned());
    let is_asked_for_no_name = request.is_some_and(|request| request.address.is_some());
    match alert {
        10 | 20..=22 | 47 | 50 | 51 | 109 | 110 => {
            Failure::lost(format!("the server refused TLS: it cannot read our messages, {name}"))
                .with_hint("does a device in between change them?")
        }
        40 if is_asked_for_no_name => Failure::lost("the server refused the handshake").with_hint(
            "no common cipher, or it wants a client certificate or a name: see --client-cert and --tls-name",
        ),
        40 => Failure::lost("the server refused the handshake")
            .with_hint("no common cipher, or it wants a client certificate: see --client-cert"),
        41 | 116 => Failure::lost("the server wants a client certificate").with_hint("see --client-cert"),
        42..=46 | 48 => Failure::lost(format!("the server wants a client certificate that it can verify: {name}"))
            .with_hint("see --client-cert"),
        70 => explain_version(request),
        71 => {
            let failure = Failure::lost("the server refused TLS: it wants stronger ciphers");
            library::PLACE_OF_CIPHERS.map_or(failure.clone(), |place| failure.with_hint(format!("see {place}")))
        }
        112 if is_asked_for_no_name => {
            Failure::lost("the server refused TLS: it was asked for no name").with_hint("see --tls-name")
        }
        112 => {
            let name = request.map_or("this name", |request| &request.name);
            Failure::lost(format!("the server refused TLS: it does not serve {name}")).with_hint("see --tls-name")
        }
        _ => Failure::lost(format!("the server refused TLS: {name}")),
    }
}

/// An error that this side found.
fn explain_reason(reason: &str, request: Option<&Request>) -> Failure {
    let too_weak = |what: &str| {
        let failure = Failure::lost(format!("{what} for the security level of this host"));
        advise_on_strength(request).map_or(failure.clone(), |hint| failure.with_hint(hint))
    };
    match reason {
        "wrong version number" | "packet length too long" | "http request" | "https proxy request" => {
            let failure = Failure::lost("the answer of the server is not TLS");
            let is_implicit = request.is_some_and(|request| request.is_implicit);
            if is_implicit { failure.with_hint("a port for --tls starttls or none?") } else { failure }
        }
        "unsupported protocol" | "unknown protocol" | "wrong ssl version" => explain_version(request),
        "no protocols available" | "no supported versions enabled" => {
            Failure::local(format!("OpenSSL on this host allows no TLS version{}", show_versions(request)))
                .with_hint("see --tls-min, MinProtocol and MaxProtocol in openssl.cnf")
        }
        "no ciphers available" | "no cipher match" => {
            Failure::local("OpenSSL on this host allows no cipher").with_hint("see CipherString in openssl.cnf")
        }
        "dh key too small" | "bad dh p length" => too_weak("the Diffie-Hellman key of the server is too short"),
        "ee key too small" => too_weak("the key of the server is too short"),
        "ca key too small" => too_weak("the key of a CA of the server is too short"),
        "ca md too weak" | "md too weak" => {
            too_weak("a certificate of the server is signed with a hash that is too weak")
        }
        "wrong signature type"
        | "no suitable signature algorithm"
        | "no shared signature algorithms"
        | "no common signature algorithms"
        | "legacy sigalg disallowed or unsupported" => too_weak("the server signs with an algorithm that is too weak"),
        "unsafe legacy renegotiation disabled" => {
            Failure::lost("the server has no secure renegotiation (RFC 5746), which OpenSSL demands")
                .with_hint("update the server, or OPENSSL_CONF with Options = UnsafeLegacyServerConnect")
        }
        "wrong cipher returned" | "unknown cipher returned" => {
            Failure::lost("the server chose a cipher that it was not offered")
        }
        "key usage bit incorrect" => {
            Failure::lost("the certificate of the server forbids what its key is used for, signing or encryption")
                .with_hint("a certificate with the key usage digitalSignature")
        }
        "certificate verify failed" => Failure::lost("the certificate of the server could not be verified"),
        // Those of AWS-LC for a certificate.
        "public key decode error" | "unknown sigid algs" => {
            Failure::lost(format!("{} does not know the kind of a key in the chain of certificates", library::NAME))
        }
        "decryption failed or bad record mac"
        | "bad record mac"
        | "bad decrypt"
        | "cipher operation failed"
        | "bad signature"
        | "digest check failed" => Failure::lost(format!("the server sent TLS that cannot be decrypted: {reason}"))
            .with_hint("does a device in between change it?"),
        _ => Failure::lost(format!("the server sent TLS that is not valid: {reason}")),
    }
}

fn explain_version(request: Option<&Request>) -> Failure {
    let is_oldest = request.is_some_and(|request| request.tls_min == TlsVersion::V1_0);
    Failure::lost(format!("the server has no TLS version{}", show_versions(request))).with_hint(if is_oldest {
        "update the server"
    } else {
        "update the server, or see --tls-min"
    })
}

fn show_versions(request: Option<&Request>) -> String {
    request.map_or_else(|| " that fits".to_owned(), |request| format!(" from {} on", request.tls_min.name()))
}

/// Advice for a server that is too weak for OpenSSL: `--tls-min 1.0` and `1.1` take the lowest security level.
pub(super) fn advise_on_strength(request: Option<&Request>) -> Option<String> {
    let is_lowest = request.is_some_and(|request| request.tls_min.takes_weak());
    (!is_lowest).then(|| "a stronger one, or --tls-min 1.0, which takes weak ones, too".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of OpenSSL 3 that a user must not have to look up, and what is said in their place.
    #[rustfmt::skip]
    const REASONS: &[(&str, &str)] = &[
        ("dh key too small", "the Diffie-Hellman key of the server is too short for the security level of this host (a stronger one, or --tls-min 1.0, which takes weak ones, too)"),
        ("unsafe legacy renegotiation disabled", "the server has no secure renegotiation (RFC 5746), which OpenSSL demands (update the server, or OPENSSL_CONF with Options = UnsafeLegacyServerConnect)"),
        ("unsupported protocol", "the server has no TLS version from 1.2 on (update the server, or see --tls-min)"),
        ("no protocols available", "OpenSSL on this host allows no TLS version from 1.2 on (see --tls-min, MinProtocol and MaxProtocol in openssl.cnf)"),
        ("wrong version number", "the answer of the server is not TLS (a port for --tls starttls or none?)"),
        ("ca md too weak", "a certificate of the server is signed with a hash that is too weak for the security level of this host (a stronger one, or --tls-min 1.0, which takes weak ones, too)"),
        ("key usage bit incorrect", "the certificate of the server forbids what its key is used for, signing or encryption (a certificate with the key usage digitalSignature)"),
        ("bad decrypt", "the server sent TLS that cannot be decrypted: bad decrypt (does a device in between change it?)"),
        ("bad extension", "the server sent TLS that is not valid: bad extension"),
    ];

    #[test]
    fn reasons_of_openssl_are_said_in_plain_words() {
        for (reason, words) in REASONS {
            let failure = explain_reason(reason, Some(&request("imap.example.org")));
            assert_eq!(failure.reason().to_string(), *words);
        }
    }

    #[test]
    fn only_a_fault_of_this_host_is_its_own() {
        let is_local = |(reason, _): &&(&str, &str)| matches!(explain_reason(reason, None), Failure::Local(_));
        let local: Vec<&str> = REASONS.iter().filter(is_local).map(|(reason, _)| *reason).collect();
        assert_eq!(local, ["no protocols available"]);
    }

    #[test]
    fn what_accepts_weak_servers_is_not_advised_once_more() {
        let request = Request { tls_min: TlsVersion::V1_0, ..request("imap.example.org") };
        assert_eq!(explain_reason("dh key too small", Some(&request)).reason().hint, None);
    }

    #[test]
    fn each_alert_is_a_refusal_in_words() {
        for alert in ALERT_NAMES.iter().map(|(alert, _)| *alert).chain([40, 41, 70, 71, 112, 116]) {
            for request in [None, Some(request("imap.example.org"))] {
                let failure = explain_alert(alert, request.as_ref());
                let words = failure.reason().to_string();
                assert!(
                    failure.is_lost() && words.starts_with("the server ") && !words.contains("alert"),
                    "{alert}: {words}"
                );
            }
        }
        assert_eq!(explain_alert(99, None).reason().what, "the server refused TLS: alert 99");
    }

    #[test]
    fn a_name_that_was_not_asked_for_is_advised() {
        let hint = |alert, name| explain_alert(alert, Some(&request(name))).reason().to_string();
        assert_eq!(hint(112, "192.0.2.1"), "the server refused TLS: it was asked for no name (see --tls-name)");
        assert_eq!(
            hint(112, "imap.example.org"),
            "the server refused TLS: it does not serve imap.example.org (see --tls-name)"
        );
        assert!(hint(40, "192.0.2.1").contains("--tls-name") && !hint(40, "imap.example.org").contains("--tls-name"));
    }

    #[test]
    fn alerts_are_known_by_their_number() {
        assert_eq!([999, 1000, 1116, 1255, 1256].map(find_alert), [None, Some(0), Some(116), Some(255), None]);
    }

    fn request(name: &str) -> Request {
        let address = name.parse().ok();
        Request { name: name.to_owned(), address, tls_min: TlsVersion::V1_2, is_implicit: true }
    }
}
