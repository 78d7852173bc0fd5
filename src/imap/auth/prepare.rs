//! Secrets and names as the mechanisms want them.

use std::borrow::Cow;

use crate::credentials::secret::Secret;

/// The password as `SASLprep` has it (RFC 4013), so that it does not matter how a keyboard composes a letter. A password
/// that cannot be prepared is used as it is, as servers do.
pub(super) fn prepare(password: &Secret) -> Secret {
    match str::from_utf8(password.expose()).map(stringprep::saslprep) {
        Ok(Ok(Cow::Owned(prepared))) if !prepared.is_empty() => Secret::new(prepared.into_bytes()),
        _ => password.clone(),
    }
}

/// The same for a name.
pub(super) fn prepare_name(name: &str) -> Cow<'_, str> {
    stringprep::saslprep(name).ok().filter(|prepared| !prepared.is_empty()).unwrap_or(Cow::Borrowed(name))
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
        prepare_name(text).into_owned()
    }

    #[test]
    fn the_examples_of_rfc_4013_are_prepared() {
        assert_eq!(prepared("I\u{ad}X"), "IX");
        assert_eq!(prepared("user"), "user");
        assert_eq!(prepared("USER"), "USER");
        assert_eq!(prepared("\u{aa}"), "a");
        assert_eq!(prepared("\u{2168}"), "IX");
        // A letter that is composed of two characters, and a blank that is no space.
        assert_eq!(prepared("pa\u{308}\u{a0}x"), "pä x");
    }

    #[test]
    fn a_text_that_cannot_be_prepared_stays_as_it_is() {
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
