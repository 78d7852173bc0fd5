//! `--extra-opts[=[SECTION][@FILE]]` as the Monitoring Plugins have it: options out of an ini file, put in place of
//! the argument. What the options mean is not known here.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::text::describe_io_error;

/// The section when none is named: the program's name.
const DEFAULT_SECTION: &str = "check_imap_session";
/// Looked for in each directory of `$NAGIOS_CONFIG_PATH`.
const DEFAULT_NAMES: [&str; 3] = ["monitoring-plugins.ini", "plugins.ini", "nagios-plugins.ini"];
/// Looked for without `$MP_CONFIG_FILE` and `$NAGIOS_CONFIG_PATH`, the first that exists.
const DEFAULT_FILES: [&str; 11] = [
    "/usr/local/etc/monitoring-plugins/monitoring-plugins.ini",
    "/usr/local/etc/monitoring-plugins.ini",
    "/etc/monitoring-plugins/monitoring-plugins.ini",
    "/etc/monitoring-plugins.ini",
    "/etc/nagios/plugins.ini",
    "/usr/local/nagios/etc/plugins.ini",
    "/usr/local/etc/nagios/plugins.ini",
    "/etc/opt/nagios/plugins.ini",
    "/etc/nagios-plugins.ini",
    "/usr/local/etc/nagios-plugins.ini",
    "/etc/opt/nagios-plugins.ini",
];
/// More than any ini file of options has.
const MAX_BYTES: u64 = 1 << 20;

/// Whether there is anything to expand, which means reading files.
#[must_use]
pub fn has_any(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| find_locator(argument).is_some())
}

/// The `--extra-opts` arguments, for a message.
#[must_use]
pub fn list(arguments: &[String]) -> String {
    let arguments: Vec<&str> =
        arguments.iter().filter(|argument| find_locator(argument).is_some()).map(String::as_str).collect();
    arguments.join(" ")
}

/// Puts the options of the named sections in place of each `--extra-opts`; with them the files that were read.
///
/// # Errors
/// The file, section or line that is at fault.
pub fn expand(arguments: &[String]) -> Result<(Vec<String>, Vec<PathBuf>), String> {
    let mut expanded = Vec::with_capacity(arguments.len());
    let mut files = Vec::new();
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        let Some(mut place) = find_locator(argument) else {
            expanded.push(argument.clone());
            continue;
        };
        // The Monitoring Plugins also take the next argument if it is no option.
        if place.is_empty()
            && argument == "--extra-opts"
            && let Some(next) = rest.next_if(|next| !next.is_empty() && !next.starts_with('-'))
        {
            place = next;
        }
        let (section, file) = match place.split_once('@') {
            Some((section, file)) => (section, PathBuf::from(file)),
            None => (place, find_default_file()?),
        };
        let section = if section.is_empty() { DEFAULT_SECTION } else { section };
        let text =
            read(&file).map_err(|error| format!("--extra-opts: {}: {}", file.display(), describe_io_error(&error)))?;
        expanded
            .extend(read_section(&text, section).map_err(|why| format!("--extra-opts: {}: {why}", file.display()))?);
        files.push(file);
    }
    Ok((expanded, files))
}

/// The text behind `--extra-opts` (and its `=`) if the argument is this option.
fn find_locator(argument: &str) -> Option<&str> {
    let rest = argument.strip_prefix("--extra-opts")?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('=') }
}

fn find_default_file() -> Result<PathBuf, String> {
    if let Some(file) = std::env::var_os("MP_CONFIG_FILE") {
        return Ok(file.into());
    }
    let directories = std::env::var_os("NAGIOS_CONFIG_PATH").unwrap_or_default();
    std::env::split_paths(&directories)
        .filter(|directory| !directory.as_os_str().is_empty())
        .flat_map(|directory| DEFAULT_NAMES.map(|name| directory.join(name)))
        .chain(DEFAULT_FILES.map(PathBuf::from))
        .find(|file| file.exists())
        .ok_or_else(|| "--extra-opts: none of the default files exists (such as /etc/monitoring-plugins.ini), name one: --extra-opts=SECTION@FILE".to_owned())
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        io::stdin().take(MAX_BYTES + 1).read_to_string(&mut text)?
    } else {
        File::open(file)?.take(MAX_BYTES + 1).read_to_string(&mut text)?
    };
    if u64::try_from(read).is_ok_and(|read| read > MAX_BYTES) {
        return Err(io::Error::other("it has more than 1 MiB"));
    }
    Ok(text)
}

/// The section's lines as arguments: `key=value` gives `--key=value`, `key=` gives `--key`, a key of one
/// letter gives `-k value`. Keys may be repeated.
///
/// # Errors
/// A missing section, or a line that is none of section, comment and `key=value`.
pub fn read_section(text: &str, section: &str) -> Result<Vec<String>, String> {
    let mut arguments = Vec::new();
    let mut current = None;
    let mut found = false;
    // Editors on Windows put a byte order mark in front.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.split_once(']').map(|(name, _)| name.trim());
            current = Some(name.ok_or_else(|| format!("line {number} opens a section and does not close it with ]"))?);
            found |= current == Some(section);
            continue;
        }
        let Some(name) = current else {
            return Err(format!("line {number} stands before any [section]"));
        };
        if name != section {
            continue;
        }
        // The line itself is not shown: it may hold a secret.
        let (key, value) = line.split_once('=').ok_or_else(|| {
            format!("line {number} has no =, right is option=value, or option= for one without a value")
        })?;
        let (key, value) = (key.trim_end(), value.trim_start());
        match (key.chars().count(), value.is_empty()) {
            (0, _) => return Err(format!("line {number} has no option before its =")),
            (1, true) => arguments.push(format!("-{key}")),
            (1, false) => arguments.extend([format!("-{key}"), value.to_owned()]),
            (_, true) => arguments.push(format!("--{key}")),
            (_, false) => arguments.push(format!("--{key}={value}")),
        }
    }
    if found { Ok(arguments) } else { Err(format!("there is no section [{section}]")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INI: &str = "; comment\n[other]\nnonsense\n[ imap ]\n# more\nhostname = imap.example.org\r\n m=INBOX\nm = Sent Items \nno-verify=\n4=\nwarning=select:a=b=1:2\n[other]\nx=1\n[imap]\nt=3\n";

    #[test]
    fn a_section_becomes_arguments_in_its_order() {
        assert_eq!(
            read_section(INI, "imap").unwrap(),
            [
                "--hostname=imap.example.org",
                "-m",
                "INBOX",
                "-m",
                "Sent Items",
                "--no-verify",
                "-4",
                "--warning=select:a=b=1:2",
                "-t",
                "3"
            ]
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        assert_eq!(read_section("\u{FEFF}[imap]\r\nt=3\r\n", "imap").unwrap(), ["-t", "3"]);
    }

    #[test]
    fn a_fault_in_the_file_is_reported_with_its_line() {
        for (text, wanted) in [
            ("[a]\nb=1\n", "there is no section [imap]"),
            ("b=1\n", "line 1 stands before any [section]"),
            ("[imap]\n\nnonsense\n", "line 3 has no ="),
            ("[imap]\n=x\n", "line 2 has no option"),
            ("[imap\n", "line 1 opens a section"),
        ] {
            let error = read_section(text, "imap").unwrap_err();
            assert!(error.contains(wanted), "{text:?}: {error}");
        }
    }
}
