//! Responses of an IMAP server (RFC 9051 section 7): status words, capabilities, untagged data. Pure.

use std::fmt;

use imap_proto::Response;

/// More opening parentheses than any response that is read here has. The parser calls itself for each level of nesting.
const MAX_PARENTHESES: usize = 64;
/// Bytes. Longer responses are not parsed.
const MAX_PARSED: usize = 64 * 1024;

/// Condition words of status responses (RFC 9051 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the protocol's")]
pub enum Status {
    Ok,
    No,
    Bad,
    PreAuth,
    Bye,
}

/// The capabilities that a server reports (RFC 9051 section 7.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    list: Vec<u8>,
    /// Whether the list came since the login began (RFC 9051 section 6.2.3).
    pub is_current: bool,
}

/// One untagged response that is not a status response, literals included (RFC 9051 section 4.3).
#[derive(Clone, Copy)]
pub struct Untagged<'a> {
    /// Behind `* `, without the last line end.
    data: &'a [u8],
}

impl Capabilities {
    /// Reads a list of names with spaces between them.
    #[must_use]
    pub fn read(list: &[u8]) -> Self {
        Self { list: list.to_vec(), is_current: true }
    }

    /// Reads the response code at the beginning of a status response's text, if it is `CAPABILITY`.
    #[must_use]
    pub fn in_code(text: &[u8]) -> Option<Self> {
        let list = strip_prefix_no_case(text, b"[CAPABILITY ")?;
        Some(Self::read(list.split(|&byte| byte == b']').next()?))
    }

    /// The names behind `AUTH=`.
    #[must_use]
    pub fn list_mechanisms(&self) -> Vec<String> {
        let names = self.list.split(|&byte| byte == b' ').filter_map(|word| strip_prefix_no_case(word, b"AUTH="));
        names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    /// Whether this name, such as `STARTTLS`, is in the list.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.list.split(|&byte| byte == b' ').any(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    }
}

impl<'a> Untagged<'a> {
    /// `data` is what stands behind `* `, without the last line end.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { data }
    }

    /// The number in `* 172 EXISTS`, if `word` is `EXISTS`.
    #[must_use]
    pub fn read_number_before(&self, word: &str) -> Option<u32> {
        let (number, rest) = split_word(self.data)?;
        let is_it = rest.trim_ascii_end().eq_ignore_ascii_case(word.as_bytes());
        if is_it { read_number(number) } else { None }
    }

    /// The number behind this word, such as `COUNT` in `* ESEARCH (TAG "a5") UID COUNT 17` (RFC 4731 section 3.1).
    #[must_use]
    pub fn read_number_behind(&self, word: &str) -> Option<u32> {
        let mut words = self.data.split(|&byte| byte == b' ');
        words.find(|other| other.eq_ignore_ascii_case(word.as_bytes()))?;
        read_number(words.next()?)
    }

    /// The numbers of `* SEARCH 2 3 6 (MODSEQ 917162500)` without the part in parentheses (RFC 7162 section 3.1.5);
    /// none if it is another response. There may be more of them than can be parsed at once.
    #[must_use]
    pub fn read_search_results(&self) -> Option<impl Iterator<Item = u32> + use<'a>> {
        let mut words = self.data.split(|&byte| byte == b' ');
        let is_search = words.next()?.trim_ascii_end().eq_ignore_ascii_case(b"SEARCH");
        is_search.then(|| words.take_while(|word| !word.starts_with(b"(")).filter_map(read_number))
    }

    /// Whether the first word is this one, such as `STATUS`.
    #[must_use]
    pub fn begins_with(&self, word: &str) -> bool {
        split_word(self.data).is_some_and(|(first, _)| first.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Reads the response with `imap-proto` and hands it to `read`. None if it is not well formed, or too large or too
    /// deeply nested to be given to a parser: a client must pass over what it does not understand.
    pub fn parse<T>(&self, read: impl FnOnce(&Response<'_>) -> Option<T>) -> Option<T> {
        let parentheses = self.data.split(|&byte| byte == b'(').count() - 1;
        if self.data.len() > MAX_PARSED || parentheses > MAX_PARENTHESES || self.panics_the_parser() {
            return None;
        }
        let line = [b"* ", self.data, b"\r\n"].concat();
        let (_, response) = Response::parse(&line).ok()?;
        read(&response)
    }

    /// `imap-proto` panics at a date that is `NIL`, and at METADATA that are not UTF-8. No operation reads those.
    fn panics_the_parser(&self) -> bool {
        const NO_DATE: &[u8] = b"INTERNALDATE NIL";
        self.begins_with("METADATA") || self.data.windows(NO_DATE.len()).any(|part| part.eq_ignore_ascii_case(NO_DATE))
    }
}

impl fmt::Debug for Untagged<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", String::from_utf8_lossy(self.data))
    }
}

/// The condition word at the beginning, and the text behind it.
pub(super) fn split_status(text: &[u8]) -> Option<(Status, &[u8])> {
    let (word, rest) = split_word(text).unwrap_or((text, b""));
    let words = [
        (&b"OK"[..], Status::Ok),
        (b"NO", Status::No),
        (b"BAD", Status::Bad),
        (b"PREAUTH", Status::PreAuth),
        (b"BYE", Status::Bye),
    ];
    words.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, status)| (status, rest))
}

/// The condition word of the first line; the text may be a part of a line.
pub(super) fn read_status(text: &[u8]) -> Option<Status> {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    split_status(line.trim_ascii_end()).map(|(status, _)| status)
}

/// Response codes that are data, or that the reply to a command has whenever all is well.
const DATA_CODES: [&str; 20] = [
    "ANNOTATIONS",
    "APPENDUID",
    "CAPABILITY",
    "CLOSED",
    "COMPRESSIONACTIVE",
    "COPYUID",
    "HASCHILDREN",
    "HIGHESTMODSEQ",
    "INPROGRESS",
    "MAILBOXID",
    "METADATA",
    "NOMODSEQ",
    "PERMANENTFLAGS",
    "READ-ONLY",
    "READ-WRITE",
    "UIDNEXT",
    "UIDNOTSTICKY",
    "UIDVALIDITY",
    "UNSEEN",
    "URLMECH",
];

/// Whether a status response's text has a response code that is no data: `[THROTTLED]`. It stands at the beginning, but
/// some servers put it elsewhere, where brackets around lower case are a part of the text.
pub(super) fn has_telling_code(text: &[u8]) -> bool {
    let is_code = |part: &[u8], is_first: bool| {
        let name = part.split(|byte| b" ]".contains(byte)).next().unwrap_or_default();
        is_telling(name) && part.contains(&b']') && (is_first || !name.iter().any(u8::is_ascii_lowercase))
    };
    let mut parts = text.split(|&byte| byte == b'[');
    let is_at_beginning = parts.next().is_some_and(<[u8]>::is_empty);
    parts.enumerate().any(|(number, part)| is_code(part, is_at_beginning && number == 0))
}

fn is_telling(name: &[u8]) -> bool {
    let is_data = || DATA_CODES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-./".contains(byte);
    name.first().is_some_and(u8::is_ascii_alphabetic) && !is_data() && name.iter().all(is_name)
}

/// The text behind the response code `ALERT`, which must be shown (RFC 9051 section 7.1), if the line has this code.
pub(super) fn split_alert(line: &[u8]) -> Option<&[u8]> {
    split_code(line, b"ALERT]")
}

/// The text behind a response code, which is given without its first bracket.
pub(super) fn split_code<'a>(line: &'a [u8], code: &[u8]) -> Option<&'a [u8]> {
    let mut rest = line;
    while let Some(at) = rest.iter().position(|&byte| byte == b'[') {
        rest = rest.get(at + 1..)?;
        if let Some(text) = strip_prefix_no_case(rest, code) {
            return Some(text);
        }
    }
    None
}

pub(super) fn read_number(word: &[u8]) -> Option<u32> {
    str::from_utf8(word.trim_ascii_end()).ok()?.parse().ok()
}

pub(super) fn split_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == b' ')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

pub(super) fn strip_prefix_no_case<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The length that a line announces at its end, `{123}` (RFC 9051 section 4.3).
pub(super) fn read_literal_length(line: &[u8]) -> Option<usize> {
    let inside = line.strip_suffix(b"}")?;
    let at = inside.iter().rposition(|&byte| byte == b'{')?;
    let digits = str::from_utf8(inside.get(at + 1..)?).ok()?;
    let digits = digits.strip_suffix('+').unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_have_no_case_and_need_no_text() {
        assert_eq!(split_status(b"OK [READ-WRITE] done"), Some((Status::Ok, &b"[READ-WRITE] done"[..])));
        assert_eq!(split_status(b"bye"), Some((Status::Bye, &b""[..])));
        assert_eq!(split_status(b"OKAY fine"), None);
        assert_eq!(split_status(b"3 EXISTS"), None);
    }

    #[test]
    fn capabilities_are_whole_words() {
        let capabilities = Capabilities::read(b"IMAP4rev2 logindisabled AUTH=STARTTLS LITERAL+X");
        assert!(capabilities.has("LOGINDISABLED"));
        assert!(!capabilities.has("STARTTLS") && !capabilities.has("LITERAL+") && !capabilities.has(""));
    }

    #[test]
    fn a_literal_is_announced_at_the_end_of_a_line_only() {
        assert_eq!(read_literal_length(b"* LIST () \"/\" {5}"), Some(5));
        assert_eq!(read_literal_length(b"{5+}"), Some(5));
        assert_eq!(read_literal_length(b"{99999999999999999999999}"), Some(usize::MAX));
        for line in [&b"* X {5} "[..], b"* X {}", b"* X {-5}", b"* X 5}", b"}"] {
            assert_eq!(read_literal_length(line), None);
        }
    }

    #[test]
    fn what_is_too_deep_too_long_or_no_imap_is_passed_over() {
        let parses = |data: &[u8]| Untagged::new(data).parse(|_| Some(())).is_some();
        assert!(parses(b"STATUS {5}\r\nINBOX (MESSAGES 2 UNSEEN 0 )"));
        assert!(!parses(b"STATUS"));
        assert!(!parses(&[b"1 FETCH (BODY ".to_vec(), b"(".repeat(60_000)].concat()));
        assert!(!parses(&[b"LIST () \"/\" ".to_vec(), b"x".repeat(100_000)].concat()));
    }

    #[test]
    fn what_the_parser_panics_at_is_passed_over() {
        for data in [&b"1 FETCH (InternalDate nil)"[..], b"METADATA \"\xff\" (/shared/a \"b\")"] {
            assert_eq!(Untagged::new(data).parse(|_| Some(())), None);
        }
    }
}
