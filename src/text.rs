//! Cleaning of foreign text (server, user, operating system) for one line of output, and of names for perfdata labels.
//! Secrets are not known here: `credentials` masks them. Also the name that a user may have meant.

use std::io;
use std::time::Duration;

/// Names that are as alike as that are taken for the same one, mistyped (Jaro similarity: 1 is equal).
const LIKENESS: f64 = 0.8;

/// The longest piece of foreign text that is shown, in characters.
pub const MAX_CHARS: usize = 200;

/// One clean line out of any bytes: invalid UTF-8 and control characters replaced, `|` replaced (it would
/// start perfdata), at most [`MAX_CHARS`] characters.
#[must_use]
pub fn clean(bytes: &[u8]) -> String {
    shorten(&clean_line(bytes))
}

/// As [`clean`], but of full length.
#[must_use]
pub fn clean_line(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| match c {
            '|' => '!',
            c if c.is_control() || is_invisible(c) => ' ',
            c => c,
        })
        .collect();
    text.trim().to_owned()
}

/// Cuts at [`MAX_CHARS`] characters and shows that by `...`.
#[must_use]
pub fn shorten(line: &str) -> String {
    if line.chars().count() <= MAX_CHARS {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(MAX_CHARS - 3).collect();
    short.push_str("...");
    short
}

/// A value in an error message: as [`clean`], and an empty one is visible, too.
#[must_use]
pub fn show_value(value: &str) -> String {
    let cleaned = clean(value.as_bytes());
    if cleaned.is_empty() { "(empty)".to_owned() } else { cleaned }
}

/// ` (did you mean login?)` for `logon`: behind a name that is not known, the known one that is most like it, if any is.
#[must_use]
pub fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let name = name.to_lowercase();
    let compare = |known: &'a str| (strsim::jaro(&name, &known.to_lowercase()), known);
    let alike = known.into_iter().map(compare).filter(|(likeness, _)| *likeness > LIKENESS);
    let most_alike = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
    most_alike.map(|(_, known)| format!(" (did you mean {known}?)")).unwrap_or_default()
}

/// Characters that print nothing, break a line or turn the direction of writing: they would let a server
/// make a line look like something else.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// An error of the operating system in lower-case words, without its number.
#[must_use]
pub fn describe_io_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "connection reset by the server".to_owned(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => "connection closed by the server".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(text);
            clean(text.as_bytes())
        }
    }
}

/// A name as part of a perfdata label: letters and digits of any script, `-` and `_`; all else becomes `_`,
/// because each other character breaks some consumer.
#[must_use]
pub fn make_label(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}

/// A duration as people read it: `0.042 s`.
#[must_use]
pub fn format_seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}

/// A limit as it was given: `3 s`, `0.5 s`.
#[must_use]
pub fn format_limit(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_becomes_one_clean_line() {
        assert_eq!(clean(b"a\r\nb|c\x1b[31m\xff\tz "), "a  b!c [31m\u{FFFD} z");
        assert_eq!(clean("left\u{202E}thgir".as_bytes()), "left thgir");
    }

    #[test]
    fn a_name_is_suggested_for_one_that_is_like_it_alone() {
        let known = ["login", "logout", "select", "starttls", "tls", "total"];
        for (name, wanted) in [("logon", "login"), ("LOGIN", "login"), ("slect", "select"), ("startls", "starttls")] {
            assert_eq!(suggest(name, known), format!(" (did you mean {wanted}?)"));
        }
        for name in ["", "x", "greeting", "INBOX", "müller"] {
            assert_eq!(suggest(name, known), "", "{name}");
        }
    }

    #[test]
    fn long_text_is_cut_at_200_characters() {
        let long = "ü".repeat(300);
        let short = clean(long.as_bytes());
        assert_eq!(short.chars().count(), MAX_CHARS);
        assert!(short.ends_with("..."));
        assert_eq!(clean("ü".repeat(200).as_bytes()).chars().count(), 200);
    }

    #[test]
    fn labels_keep_letters_of_any_script_and_nothing_that_breaks_a_consumer() {
        assert_eq!(make_label("Entwürfe"), "Entwürfe");
        assert_eq!(make_label("[Gmail]/Sent Mail"), "_Gmail__Sent_Mail");
        assert_eq!(make_label("a::b=c'd|e.f"), "a__b_c_d_e_f");
    }
}
