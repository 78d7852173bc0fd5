//! The label `check` of Prometheus, which distinguishes two checks of the same host and port. It is made of the
//! account and of those options that change the session, each by its row.

use super::Options;
use super::table::{InCheck, list_options};

/// Bytes. Longer labels are cut.
const MAX_CHECK: usize = 120;

/// The label, for example `joe -6 --tls starttls -m 'a b'`.
pub(super) fn make_check_label(options: &Options) -> String {
    let username = Some(&options.username).filter(|name| !name.is_empty());
    let mut words: Vec<String> = username.map(|name| quote(name)).into_iter().collect();
    for opt in list_options() {
        let name = if opt.short.is_empty() { format!("--{}", opt.long) } else { format!("-{}", opt.short) };
        let values = match opt.in_check {
            InCheck::No => continue,
            InCheck::Flag(is_set) => {
                words.extend(is_set(options).then_some(name));
                continue;
            }
            InCheck::Value(find_value) => find_value(options).into_iter().collect(),
            InCheck::Values(list_values) => list_values(options),
        };
        for value in values {
            words.extend([name.clone(), quote(&value)]);
        }
    }
    shorten(words.join(" "))
}

/// In quotes if it could be taken for something else. Without `"` and control characters: Grafana does not escape those when
/// it puts a chosen label into a query.
fn quote(value: &str) -> String {
    let is_special = |char: char| char.is_whitespace() || char.is_control() || ['\'', '"'].contains(&char);
    if !value.starts_with('-') && !value.contains(is_special) {
        return value.to_owned();
    }
    let escape = |char: char| match char {
        '"' => r"\x22".to_owned(),
        '\\' | '\'' => format!("\\{char}"),
        char if char.is_control() => char.escape_default().to_string(),
        char => char.to_string(),
    };
    format!("'{}'", value.chars().map(escape).collect::<String>())
}

/// A long label is cut and gets a checksum (FNV-1a, 64 bits), so that it still is like no other.
fn shorten(name: String) -> String {
    if name.len() <= MAX_CHECK {
        return name;
    }
    let sum = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let end = (0..=MAX_CHECK - 20).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    format!("{}... {sum:016x}", name.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(arguments: &[&str]) -> String {
        let mut all = vec!["-H", "h", "-u", "joe", "--password-file", "f"];
        all.extend(arguments);
        make_check_label(&Options::from_arguments(&all).unwrap())
    }

    #[test]
    fn checks_of_one_server_have_labels_of_their_own() {
        assert_eq!(label(&[]), "joe");
        assert_eq!(label(&["-m", "INBOX", "-t", "8s", "-w", "2"]), "joe");
        assert_eq!(label(&["-6", "--tls", "starttls", "-m", "a b"]), "joe -6 --tls starttls -m 'a b'");
        assert_eq!(
            label(&["--limit", "select:a=b=500ms", "-m", "a=b", "-t", "5"]),
            "joe -m a=b -t 5 --limit select:a=b=0.5"
        );
        assert_eq!(label(&["-O", "examine:b", "-m", "a"]), "joe -O examine:b -O select:a");
        assert_eq!(label(&["--auth", "login"]), "joe");
        let arguments = ["-H", "h", "--auth", "external", "--authzid", "jane"];
        assert_eq!(make_check_label(&Options::from_arguments(&arguments).unwrap()), "--auth external --authzid jane");
        let pairs: [(&[&str], &[&str]); 8] = [
            (&["--auth", "plain"], &["--auth", "plain", "--authzid", "jane"]),
            (&["-O", "examine:b", "-m", "a"], &["-m", "a", "-O", "examine:b"]),
            (&["-m", "A -m B"], &["-m", "A", "-m", "B"]),
            (&["-u", "joe -4"], &["-4"]),
            (&["-m", "'A'"], &["-m", "A"]),
            (&["-m", "a' -m 'b"], &["-m", "a", "-m", "b"]),
            (&["-m", "a\"b "], &["-m", "a\\x22b "]),
            (&["-m", "a\u{85}b"], &["-m", "a\\u{85}b"]),
        ];
        for (one, other) in pairs {
            let (one, other) = (label(one), label(other));
            assert!(one != other && !(one + &other).contains(|char: char| char == '"' || char.is_control()));
        }
        let long: Vec<String> = (0..100).map(|number| format!("--mailbox=ü{number}")).collect();
        let mut long: Vec<&str> = long.iter().map(String::as_str).collect();
        let one = label(&long);
        long.swap(98, 99);
        let other = label(&long);
        assert!(one != other && one.len() <= MAX_CHECK && one.starts_with("joe -m ü0 -m ü1"), "{one}, {other}");
    }
}
