//! Mailbox names on the wire: modified UTF-7 (RFC 3501 section 5.1.3).

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// A name as `IMAP4rev1` servers take it: printable ASCII stands for itself but `&`, all else is base64 of UTF-16.
#[must_use]
pub fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut foreign: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut foreign, &mut encoded);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            foreign.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut foreign, &mut encoded);
    encoded
}

fn flush(foreign: &mut Vec<u8>, encoded: &mut String) {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);
    if !foreign.is_empty() {
        encoded.push('&');
        ENGINE.encode_string(&foreign, encoded);
        encoded.push('-');
        foreign.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn names_are_encoded_as_the_rfc_shows() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Sent Items", "Sent Items"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("R&D", "R&-D"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("😀", "&2D3eAA-"),
            ("a\tb", "a&AAk-b"),
            ("ü&", "&APw-&-"),
        ] {
            assert_eq!(encode(name), wire);
        }
    }
}
