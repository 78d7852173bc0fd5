//! The name or address of a server, as the user wrote it and as the network has it.

use std::net::Ipv6Addr;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use crate::text::show_value;

/// A name or an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// As the user wrote it, but an IPv6 address without brackets: for the output.
    pub shown: String,
    /// In ASCII (IDNA 2008, RFC 5890): for the resolver, for TLS and for what is sent.
    pub ascii: String,
}

impl Host {
    /// Reads a host name or an address, IPv6 also in brackets.
    ///
    /// # Errors
    /// It is neither; the message says what is right.
    pub fn parse(value: &str) -> Result<Self, String> {
        let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
        // An address may have a zone: fe80::1%eth0.
        let (address, zone) = bare.split_once('%').map_or((bare, None), |(address, zone)| (address, Some(zone)));
        if address.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(is_name) || is_name(value) {
            return Ok(Self { shown: bare.to_owned(), ascii: bare.to_owned() });
        }
        if let Some(ascii) = convert_to_ascii(value) {
            return Ok(Self { shown: show_value(value), ascii });
        }
        // At the end of a value nobody sees it.
        let blank = if value.contains(char::is_whitespace) { "there is a blank in it, " } else { "" };
        let right = if value.is_ascii() {
            "right is for example imap.example.org or 2001:db8::1"
        } else {
            "right is a name that IDNA 2008 allows, such as bücher.example"
        };
        Err(format!("{} is neither a name nor an address, {blank}{right}, the port goes to -p", show_value(value)))
    }
}

/// Labels with dots between them, the last one may have a dot behind it (RFC 1035 section 2.3.4). OpenSSL would take a name
/// that begins with a dot for all names below it.
fn is_name(text: &str) -> bool {
    let mut labels = text.strip_suffix('.').unwrap_or(text).split('.');
    text.len() <= 255
        && labels.all(|label| (1..=63).contains(&label.len()))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// A name with letters beyond ASCII: `xn--bcher-kva.example` for `bücher.example` (UTS #46, nontransitional).
fn convert_to_ascii(name: &str) -> Option<String> {
    if name.is_ascii() {
        return None;
    }
    let length = DnsLength::VerifyAllowRootDot;
    let ascii = Uts46::new().to_ascii(name.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, length);
    ascii.ok().filter(|ascii| is_name(ascii)).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_beyond_ascii_are_converted_for_the_network_alone() {
        for (value, ascii) in [
            ("imap.bücher.example", "imap.xn--bcher-kva.example"),
            ("IMAP.BÜCHER.example.", "imap.xn--bcher-kva.example."),
            ("straße.example", "xn--strae-oqa.example"),
            ("почта.рф", "xn--80a1acny.xn--p1ai"),
            ("メール。例え.テスト", "xn--4dkua4c.xn--r8jz45g.xn--zckzah"),
        ] {
            let host = Host::parse(value).unwrap();
            assert_eq!((host.shown.as_str(), host.ascii.as_str()), (value, ascii));
        }
        for value in ["Imap.Example.org", "xn--bcher-kva.example", "192.0.2.1", "mail_1"] {
            assert_eq!(Host::parse(value).unwrap(), Host { shown: value.to_owned(), ascii: value.to_owned() });
        }
        assert_eq!(Host::parse("[2001:db8::1]").unwrap().ascii, "2001:db8::1");
    }

    #[test]
    fn each_part_of_a_name_has_one_to_63_characters() {
        let (most, long) = ("x".repeat(63) + ".example", "x".repeat(64) + ".example");
        for value in ["localhost", "localhost.", "imap.example.org.", "192.0.2.1", "fe80::1%eth0.100", &most] {
            assert!(Host::parse(value).is_ok(), "{value}");
        }
        for value in ["", ".", "..", ".example.org", "imap..example.org", "imap.example.org..", &long] {
            let error = Host::parse(value).unwrap_err();
            assert!(error.contains("neither a name nor an address, right is for example"), "{error}");
        }
    }

    #[test]
    fn a_blank_that_nobody_sees_is_reported() {
        for value in [" imap.example.org", "imap.example.org ", "192.0.2.1\n", "bücher.example\u{a0}", "imap example"]
        {
            let error = Host::parse(value).unwrap_err();
            assert!(error.contains("neither a name nor an address, there is a blank in it, "), "{error}");
        }
    }

    #[test]
    fn a_name_that_idna_refuses_is_refused() {
        let long = "ü".repeat(64);
        for value in
            ["bü_cher.example", "bücher example", "bücher..example", "-ü.example", "bücher:993", "ü\u{202E}x", &long]
        {
            let error = Host::parse(value).unwrap_err();
            assert!(error.contains("IDNA 2008") && error.contains("-p"), "{value}: {error}");
        }
    }
}
