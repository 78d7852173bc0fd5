//! The text of `--help`.

use super::table::list_options;
use crate::imap::auth::MECHANISMS;
use crate::operation::OPERATIONS;

const COLUMN: usize = 32;
const WIDTH: usize = 80;

const BEGIN: &str = "\
Logs in to an IMAP server, performs the operations that you list, times every
step, and ends in time whatever the server does.

Usage: check_imap_session -H HOST -u USER --password-file FILE [OPTION ...]

";

const EXAMPLES: &str = "\
Examples:
  check_imap_session -H imap.example.org -u monitor --password-file imap.pw
  check_imap_session -H imap.example.org -u monitor --password-file imap.pw \\
    -m INBOX -m Archive -t 5 --limit select=1 -w login=0.5 -w tls.cert_days=21:
  check_imap_session -H imap.example.org -u monitor --password-file imap.pw \\
    -O status:INBOX -w status.unseen=100 -O age:INBOX -c age.newest=3600

States:
  0 OK        all is well
  1 WARNING   login works, but an operation timed out, or a -w threshold is
              crossed
  2 CRITICAL  nobody can log in, an operation failed, or a -c threshold is
              crossed
  3 UNKNOWN   the check could not be made, for example because of a wrong option
";

/// The text of `--help`, 80 columns wide.
pub(super) fn render_help() -> String {
    let mut help = BEGIN.to_owned();
    for opt in list_options().filter(|opt| opt.is_shown()) {
        let heading = format!("  {}{}", if opt.short.is_empty() { "    " } else { "" }, opt.make_synopsis());
        help += &lay_out(&heading, COLUMN, opt.help.split(' '));
    }
    let operations: Vec<String> = OPERATIONS
        .iter()
        .map(|operation| format!("{}{}", operation.name, operation.takes.show_placeholder()))
        .collect();
    help += "\nOperations, for -O:\n";
    help += &lay_out("", 2, operations.join(", ").split(' '));
    let mechanisms: Vec<&str> = MECHANISMS.iter().map(|mechanism| mechanism.name).collect();
    help += "\nMechanisms, for --auth:\n";
    help += &lay_out("", 2, mechanisms.join(", ").split(' '));
    help.push('\n');
    help + EXAMPLES
}

/// The heading, and the words from this column on.
fn lay_out<'a>(heading: &str, column: usize, words: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut line = heading.to_owned();
    if line.len() + 2 > column && !line.is_empty() {
        text = line + "\n";
        line = String::new();
    }
    line = format!("{line:column$}");
    for word in words {
        if line.len() + word.len() > WIDTH {
            text += line.trim_end();
            text.push('\n');
            line = " ".repeat(column);
        }
        line += word;
        line.push(' ');
    }
    text + line.trim_end() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_80_columns() {
        for line in render_help().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn help_lists_every_operation() {
        let help = render_help();
        for operation in OPERATIONS {
            let listed = format!("{}{}", operation.name, operation.takes.show_placeholder());
            assert!(help.split([' ', ',', '\n']).any(|word| word == listed), "{listed}");
        }
    }
}
