//! The text of `--help`.

use super::table::list_options;

const EXAMPLES: &str = "\
Examples:
  check_imap_session -H imap.example.org -u monitor --password-file imap.pw
  check_imap_session -H imap.example.org -u monitor --password-file imap.pw \\
    -m INBOX -m Archive -t 5 --limit select=1 -w login=0.5 -w tls.cert_days=21:

States: 0 OK, 1 WARNING, 2 CRITICAL (cannot log in, mailbox refused), 3 UNKNOWN.
An operation that times out is WARNING, all other timeouts are CRITICAL.
";

/// The text of `--help`, 80 columns wide.
pub(super) fn render_help() -> String {
    const COLUMN: usize = 32;
    const WIDTH: usize = 80;
    let mut help = String::from(
        "Logs in to an IMAP server, opens mailboxes, times every phase, and ends in time\nwhatever the server does.\n\nUsage: check_imap_session -H HOST -u USER --password-file FILE [OPTION ...]\n\n",
    );
    for opt in list_options().filter(|opt| opt.is_shown()) {
        let mut line = format!("  {}{}", if opt.short.is_empty() { "    " } else { "" }, opt.make_synopsis());
        if line.len() + 2 > COLUMN {
            help += &line;
            help.push('\n');
            line.clear();
        }
        line = format!("{line:COLUMN$}");
        for word in opt.help.split(' ') {
            if line.len() + word.len() > WIDTH {
                help += line.trim_end();
                help.push('\n');
                line = " ".repeat(COLUMN);
            }
            line += word;
            line.push(' ');
        }
        help += line.trim_end();
        help.push('\n');
    }
    help.push('\n');
    help + EXAMPLES
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
}
