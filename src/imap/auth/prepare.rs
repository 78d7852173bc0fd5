//! Secrets and names as the mechanisms want them.

use std::ops::RangeInclusive;

use icu_normalizer::ComposingNormalizerBorrowed;
use zeroize::Zeroizing;

use crate::credentials::secret::Secret;

/// The longest that NFKC makes of one character, in UTF-8: 11 times its length (Unicode Technical Report 15, section 4.3).
const MAX_EXPANSION: usize = 11;

/// Characters that `SASLprep` drops: those of RFC 3454 table B.1.
const DROPPED: [RangeInclusive<char>; 8] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{1806}'..='\u{1806}',
    '\u{180b}'..='\u{180d}',
    '\u{200b}'..='\u{200d}',
    '\u{2060}'..='\u{2060}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
];

/// Characters that `SASLprep` makes a space: those of RFC 3454 table C.1.2.
const BLANKS: [RangeInclusive<char>; 6] = [
    '\u{a0}'..='\u{a0}',
    '\u{1680}'..='\u{1680}',
    '\u{2000}'..='\u{200b}',
    '\u{202f}'..='\u{202f}',
    '\u{205f}'..='\u{205f}',
    '\u{3000}'..='\u{3000}',
];

/// The password as `SASLprep` has it (RFC 4013 sections 2.1 and 2.2), so that it does not matter how a keyboard composes a
/// letter. It is for the server to refuse what section 2.3 prohibits. A password that is not UTF-8 is used as it is.
pub(super) fn prepare(password: &Secret) -> Secret {
    match str::from_utf8(password.expose()) {
        Ok(text) if !text.is_ascii() => Secret::new(prepare_name(text).into_bytes()),
        _ => password.clone(),
    }
}

/// The same for a name.
pub(super) fn prepare_name(text: &str) -> String {
    // Both are large enough, so that they never grow and no copy of a password stays behind that is not wiped.
    let mut mapped = Zeroizing::new(String::with_capacity(text.len()));
    let mut prepared = String::with_capacity(text.len() * MAX_EXPANSION);
    let is_in = |ranges: &[RangeInclusive<char>], char| ranges.iter().any(|range| range.contains(&char));
    for char in text.chars() {
        if is_in(&BLANKS, char) {
            mapped.push(' ');
        } else if !is_in(&DROPPED, char) {
            mapped.push(char);
        }
    }
    // A string takes all that is written.
    let _ = ComposingNormalizerBorrowed::new_nfkc().normalize_to(&mapped, &mut prepared);
    if prepared.is_empty() { text.to_owned() } else { prepared }
}

/// A `saslname` of RFC 5801 section 4, where `,` and `=` have a meaning.
pub(super) fn escape_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// Whether it consists of the characters that an access token has: printable ASCII without a space (RFC 6749 appendix A.12
/// allows no others but the space).
pub(super) fn check_token(token: &Secret) -> Result<(), String> {
    if token.expose().iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    Err("it is no access token, which has no blanks, no control characters and nothing beyond ASCII".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `SASLprep` has it, both by name and by password.
    fn prepared(text: &str) -> String {
        let secret = prepare(&Secret::new(text.as_bytes().to_vec()));
        assert_eq!(secret.expose(), prepare_name(text).as_bytes());
        prepare_name(text)
    }

    #[test]
    fn the_examples_of_rfc_4013_are_prepared() {
        assert_eq!(prepared("I\u{ad}X"), "IX");
        assert_eq!(prepared("user"), "user");
        assert_eq!(prepared("USER"), "USER");
        assert_eq!(prepared("\u{aa}"), "a");
        assert_eq!(prepared("\u{2168}"), "IX");
        // A letter that is composed of two characters, blanks that are no space, and a joiner.
        assert_eq!(prepared("pa\u{308}\u{a0}x\u{200b}y\u{200d}"), "pä x y");
    }

    #[test]
    fn the_longest_expansion_has_room() {
        // U+FDFA has three bytes and becomes 18 characters with 33 bytes.
        let text = "\u{fdfa}".repeat(50);
        let prepared = prepare_name(&text);
        assert_eq!((prepared.len(), prepared.capacity()), (50 * 33, text.len() * MAX_EXPANSION));
    }

    #[test]
    fn text_that_is_prohibited_is_left_to_the_server() {
        for text in ["\u{7}", "\u{627}1", "\u{ad}", "🔑"] {
            assert_eq!(prepared(text), text);
        }
        assert_eq!(prepare(&Secret::new(b"latin1 \xe4".to_vec())).expose(), b"latin1 \xe4");
    }

    #[test]
    fn only_what_can_be_a_token_is_one() {
        let check = |token: &[u8]| check_token(&Secret::new(token.to_vec())).is_ok();
        assert!(check(b"ya29.a0Af-_~+/=="));
        assert!(!check(b"two words") && !check(b"x\x01auth=Bearer y") && !check("ä".as_bytes()));
    }
}
