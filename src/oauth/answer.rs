//! The answer of a token endpoint: a token (RFC 6749 section 5.1), or a refusal (section 5.2).

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, de};

use super::http::Answer;
use crate::credentials::redactor::Redactor;
use crate::credentials::secret::Secret;
use crate::failure::Failure;

/// Bytes; no token is longer.
const MAX_TOKEN: usize = 16 * 1024;
/// Some servers put it before a text in UTF-8 (RFC 8259 section 8.1 allows to ignore it).
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// The code for a refresh token that is of no more use.
const INVALID_GRANT: &str = "invalid_grant";

/// The result of a successful request.
pub struct Granted {
    /// The access token.
    pub token: Secret,
    /// How long it lasts, if the server says so.
    pub lifetime: Option<Duration>,
    /// A refresh token in the place of the one that was sent.
    pub refresh_token: Option<Secret>,
}

/// The reason why there is no token.
pub struct Denied {
    /// In words.
    pub failure: Failure,
    /// The server does not take what was sent for a right to a token: another refresh token may do.
    pub is_invalid_grant: bool,
}

impl From<Failure> for Denied {
    fn from(failure: Failure) -> Self {
        Self { failure, is_invalid_grant: false }
    }
}

/// Only the fields that matter are kept, however many there are.
#[derive(Deserialize)]
struct Fields {
    access_token: Option<String>,
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Seconds,
    refresh_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Finds the token in an answer.
///
/// # Errors
/// The refusal, or what is wrong with the answer.
pub fn read_answer(answer: Answer, redactor: &Redactor) -> Result<Granted, Denied> {
    let Answer { status, status_text, location, body } = answer;
    if (300..400).contains(&status) {
        let to = location.map(|location| format!(" to {location}")).unwrap_or_default();
        let failure = Failure::lost(format!("{status_text}: a redirect{to} is not followed"));
        return Err(failure.with_hint("give the last address to --oauth-token-url").into());
    }
    let is_good = (200..300).contains(&status);
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body);
    let fields: Fields = match serde_json::from_slice(body) {
        Ok(fields) => fields,
        Err(_) if is_good => return Err(Failure::lost(describe_no_answer(body, redactor)).into()),
        Err(_) => return Err(Failure::lost(status_text).into()),
    };
    let Fields { access_token, token_type, expires_in, refresh_token, error, error_description } = fields;
    // Some servers send each field, and leave those empty that do not apply.
    let is_given = |text: &String| !text.is_empty();
    if let Some(error) = error.filter(is_given) {
        let description = error_description.filter(is_given);
        let described = description.map_or(error.clone(), |description| format!("{error}: {description}"));
        let failure = Failure::lost(redactor.clean(described.as_bytes()));
        return Err(Denied { failure, is_invalid_grant: error == INVALID_GRANT });
    }
    if !is_good {
        return Err(Failure::lost(status_text).into());
    }
    let token = access_token.ok_or_else(|| Failure::lost("the answer has no access_token"))?;
    let token = check_token(token, "access_token").map_err(Failure::lost)?;
    if let Some(kind) = token_type.filter(is_given).filter(|kind| !kind.trim().eq_ignore_ascii_case("Bearer")) {
        let kind = redactor.clean(kind.as_bytes());
        return Err(Failure::lost(format!("the token is of the type {kind}, only Bearer can be used")).into());
    }
    let refresh_token = refresh_token.filter(is_given).map(|token| check_token(token, "refresh_token")).transpose();
    Ok(Granted { token, lifetime: expires_in.0, refresh_token: refresh_token.map_err(Failure::lost)? })
}

/// Nothing of it is shown but the beginning of a page for people: anything else may have a token in it.
fn describe_no_answer(body: &[u8], redactor: &Redactor) -> String {
    let body = body.trim_ascii_start();
    match body {
        [] => "the answer is empty".to_owned(),
        [b'{', ..] => "the answer is no JSON as RFC 6749 has it".to_owned(),
        [0x1f, 0x8b, ..] => "the answer is compressed (gzip), which was not asked for".to_owned(),
        [b'<', ..] => {
            // Masked before it is cut: the redactor does not know the beginning of a secret.
            let start: String = redactor.clean(body).chars().take(40).collect();
            let shown = Some(start).filter(|start| !start.to_ascii_lowercase().contains("token"));
            format!(
                "the answer is no JSON{}",
                shown.map(|start| format!(", it begins with {start}")).unwrap_or_default()
            )
        }
        _ => "the answer is no JSON".to_owned(),
    }
}

/// Visible ASCII and blanks (RFC 6749 appendix A.12): nothing that could end a line or a message.
fn check_token(token: String, field: &str) -> Result<Secret, String> {
    let token = Secret::new(token.into_bytes());
    let bytes = token.expose();
    if bytes.is_empty() {
        return Err(format!("the {field} is empty"));
    }
    if bytes.len() > MAX_TOKEN {
        return Err(format!("the {field} has more than {MAX_TOKEN} bytes"));
    }
    if bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Err(format!("the {field} has a line end in it"));
    }
    if !bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(format!("the {field} has a character in it that belongs into no token"));
    }
    Ok(token)
}

/// A lifetime, as a number or as a text with a number; anything else is none.
#[derive(Default)]
struct Seconds(Option<Duration>);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of seconds")
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Seconds, E> {
        Ok(Seconds(Duration::try_from_secs_f64(seconds).ok()))
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
        Ok(Seconds(Some(Duration::from_secs(seconds))))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Seconds, E> {
        Ok(Seconds(Some(Duration::ZERO)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
        Ok(Seconds(text.trim().parse().ok().map(Duration::from_secs)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Seconds, E> {
        Ok(Seconds(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever an endpoint sends, a token never has a character that could end a line.
        #[test]
        fn no_token_reaches_beyond_its_line(status in 100_u16..600, token in "\\PC{0,8}|[a-z\\\\nru0\"]{0,12}", rest in any::<String>()) {
            for body in [format!(r#"{{"access_token":"{token}","x":{rest}}}"#), format!(r#"{{"access_token":"{token}"}}"#), rest] {
                let answer = Answer { status, status_text: String::new(), location: None, body: body.into_bytes().into() };
                if let Ok(granted) = read_answer(answer, &Redactor::default()) {
                    let token = granted.token.expose();
                    prop_assert!(!token.is_empty() && token.iter().all(|byte| matches!(byte, b' '..=b'~')));
                }
            }
        }
    }

    fn read(status: u16, body: &str) -> Result<Granted, String> {
        let answer = Answer {
            status,
            status_text: format!("{status} Some Words"),
            location: Some("https://other.example.org/".to_owned()),
            body: body.as_bytes().to_vec().into(),
        };
        let redactor = Redactor::new("", &Secret::new(b"hunter2hunter2".to_vec()));
        read_answer(answer, &redactor).map_err(|denied| denied.failure.reason().to_string())
    }

    #[test]
    fn a_token_is_found_with_its_lifetime() {
        for (expires_in, seconds) in [
            ("3599", Some(3599)),
            ("\"3599\"", Some(3599)),
            ("3599.0", Some(3599)),
            ("null", None),
            ("-1", Some(0)),
            ("\"soon\"", None),
        ] {
            let body = format!(
                r#"{{"token_type":"bearer","expires_in":{expires_in},"access_token":"to-k.en=","scope":"x","more":[[1]]}}"#
            );
            let granted = read(200, &body).unwrap_or_else(|why| panic!("{body}: {why}"));
            assert_eq!(granted.token.expose(), b"to-k.en=");
            assert_eq!(granted.lifetime, seconds.map(Duration::from_secs), "{body}");
            assert!(granted.refresh_token.is_none());
        }
        let granted = read(200, r#"{"access_token":"a","refresh_token":"b"}"#).ok().unwrap();
        assert_eq!((granted.lifetime, granted.refresh_token.unwrap().expose()), (None, &b"b"[..]));
    }

    #[test]
    fn fields_that_are_empty_are_as_good_as_none() {
        for field in ["refresh_token", "error", "error_description", "token_type", "scope"] {
            let body = format!(r#"{{"access_token":"abc","{field}":""}}"#);
            let granted = read(200, &body).unwrap_or_else(|why| panic!("{body}: {why}"));
            assert!(granted.token.expose() == b"abc" && granted.refresh_token.is_none(), "{body}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_blanks_around_the_type_do_not_matter() {
        let granted = read(200, "\u{feff}{\"access_token\":\"abc\",\"token_type\":\" bearer \"}").unwrap();
        assert_eq!(granted.token.expose(), b"abc");
    }

    #[test]
    fn an_answer_that_is_no_json_shows_no_token_and_no_part_of_a_secret() {
        for body in [
            "ya29.a0AfH6SMC-token".to_owned(),
            r#""ya29.a0AfH6SMC""#.to_owned(),
            r#"[{"access_token":"ya29.a0AfH6SMC"}]"#.to_owned(),
            "access_token=ya29.a0AfH6SMC&token_type=bearer".to_owned(),
            r#"68 {"access_token":"ya29.a0AfH6SMC"}"#.to_owned(),
            "<answer><accessToken>ya29.a0AfH6SMC</accessToken></answer>".to_owned(),
            format!("<p>{}client_secret=hunter2hunter2", "x".repeat(12)),
        ] {
            let why = read(200, &body).err().unwrap();
            assert!(why.starts_with("the answer is no JSON"), "{body}: {why}");
            assert!(!why.contains("ya29") && !why.contains("hunter2"), "{body}: {why}");
        }
        let compressed = Answer {
            status: 200,
            status_text: String::new(),
            location: None,
            body: b"\x1f\x8b\x08\x00".to_vec().into(),
        };
        let denied = read_answer(compressed, &Redactor::default()).err().unwrap();
        assert_eq!(denied.failure.reason().what, "the answer is compressed (gzip), which was not asked for");
    }

    #[test]
    fn everything_else_is_a_reason() {
        let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(MAX_TOKEN + 1));
        for (status, body, said) in [
            (
                400,
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: wrong\r\nsecret hunter2hunter2"}"#,
                "invalid_client: AADSTS7000215: wrong  secret ***",
            ),
            (401, r#"{"error":"invalid_client"}"#, "invalid_client"),
            (200, r#"{"error":"invalid_scope","access_token":"x"}"#, "invalid_scope"),
            (429, "slow down", "429 Some Words"),
            (500, "", "500 Some Words"),
            (503, r#"{"message":"busy"}"#, "503 Some Words"),
            (
                302,
                "",
                "302 Some Words: a redirect to https://other.example.org/ is not followed (give the last address to --oauth-token-url)",
            ),
            (200, "", "the answer is empty"),
            (200, "<html>hello</html>", "the answer is no JSON, it begins with <html>hello</html>"),
            (200, "plain words", "the answer is no JSON"),
            (200, "\u{feff}", "the answer is empty"),
            (400, "\u{feff}{\"error\":\"invalid_client\"}", "invalid_client"),
            (400, r#"{"error":""}"#, "400 Some Words"),
            (200, r#"{"access_token":"abc"#, "the answer is no JSON as RFC 6749 has it"),
            (200, r#"{"access_token":{"a":1}}"#, "the answer is no JSON as RFC 6749 has it"),
            (200, r#"{"token":"abc"}"#, "the answer has no access_token"),
            (200, r#"{"access_token":""}"#, "the access_token is empty"),
            (200, r#"{"access_token":"a\r\nb"}"#, "the access_token has a line end in it"),
            (
                200,
                r#"{"access_token":"a\u0001b"}"#,
                "the access_token has a character in it that belongs into no token",
            ),
            (200, r#"{"access_token":"ü"}"#, "the access_token has a character in it that belongs into no token"),
            (
                200,
                r#"{"access_token":"a","token_type":"mac"}"#,
                "the token is of the type mac, only Bearer can be used",
            ),
            (200, r#"{"access_token":"a","refresh_token":"b\n"}"#, "the refresh_token has a line end in it"),
            (200, &long, "the access_token has more than 16384 bytes"),
        ] {
            assert_eq!(read(status, body).err().unwrap(), said, "{status} {body}");
        }
    }
}
