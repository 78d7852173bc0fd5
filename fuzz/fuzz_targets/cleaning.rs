//! Foreign text on its way into a line, a label, a mailbox name on the wire: nothing gets through that could become a
//! line, a metric, a secret or a command.
//!
//! Line 1 of the input is the password, line 2 the user name, the rest the text.

#![no_main]

use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::prelude::{BASE64_STANDARD, Engine};
use libfuzzer_sys::fuzz_target;

use check_imap_session::credentials::redactor::Redactor;
use check_imap_session::credentials::secret::Secret;
use check_imap_session::imap::mailbox_name;
use check_imap_session::text;
use check_imap_session_fuzz::check_clean;

const UTF7: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(3, |&byte| byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (password, username, foreign) = (next(), String::from_utf8_lossy(next()), next());

    check_clean(&text::clean(foreign));
    assert_eq!(text::clean(foreign), text::shorten(&text::clean_line(foreign)));
    check_masking(password, &username, foreign);
    let name = String::from_utf8_lossy(foreign);
    check_label(&name);
    check_encoding(&name);
});

fn check_masking(password: &[u8], username: &str, foreign: &[u8]) {
    let secret = Secret::new(password.to_vec());
    if secret.check().is_err() {
        return;
    }
    let redactor = Redactor::new(username, &secret);
    // A password made of our own marks, or of pieces of characters, cannot be told from those.
    let plain = str::from_utf8(password).ok().filter(|password| !password.contains(['*', '.', '\u{FFFD}']));
    for line in [foreign, &[foreign, password].concat(), &[foreign, quoted(password).as_bytes()].concat()] {
        let cleaned = redactor.clean(line);
        check_clean(&cleaned);
        let Some(plain) = plain else { continue };
        for form in [plain, &quoted(password), BASE64_STANDARD.encode(password).trim_end_matches('=')] {
            assert!(!cleaned.contains(form), "{cleaned:?} shows {form:?}");
        }
    }
}

/// As IMAP quotes it.
fn quoted(password: &[u8]) -> String {
    String::from_utf8_lossy(password).replace('\\', "\\\\").replace('"', "\\\"")
}

fn check_label(name: &str) {
    let label = text::make_label(name);
    assert!(label.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-'), "{label:?}");
    assert_eq!(label.chars().count(), name.chars().count());
}

/// Printable ASCII on the wire that reads back as the name.
fn check_encoding(name: &str) {
    let wire = mailbox_name::encode(name);
    assert!(wire.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{wire:?}");
    assert_eq!(decoded(&wire).as_deref(), Some(name), "{wire:?}");
}

fn decoded(wire: &str) -> Option<String> {
    let mut parts = wire.split('&');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (foreign, rest) = part.split_once('-')?;
        if foreign.is_empty() {
            name.push('&');
        } else {
            let bytes = UTF7.decode(foreign).ok()?;
            let units: Vec<u16> = bytes.chunks(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect();
            name += &String::from_utf16(&units).ok()?;
        }
        name += rest;
    }
    Some(name)
}
