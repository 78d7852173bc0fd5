//! The documents that are made of the tables of options and operations, whole or in part, and the picture of a recorded
//! run. `make generated` writes them, and a test compares the committed files with them. The check itself uses none of
//! this, so that its binary does not have it.

mod bash;
mod man;
mod markdown;
mod picture;
mod zsh;

use super::table::{Opt, SECTIONS};
use super::values::STATES;
use crate::imap::auth::MECHANISMS;
use crate::operation::{FRAME, OPERATIONS, Operation, Takes};
use crate::output::FORMATS;

/// A file of the project that is made of something else.
#[derive(Clone, Copy)]
pub struct Document {
    /// Its path in the project.
    pub file: &'static str,
    /// Makes the text as it should be of the committed text, whose parts between markers are replaced.
    ///
    /// # Errors
    /// The marker that is missing.
    pub generate: fn(committed: &str) -> Result<String, String>,
}

/// All of them.
pub static DOCUMENTS: &[Document] = &[
    Document { file: "README.md", generate: markdown::generate_readme },
    Document { file: "docs/logging-in.md", generate: markdown::generate_logging_in },
    Document { file: "docs/operations.md", generate: markdown::generate_operations },
    Document { file: "docs/options.md", generate: markdown::generate_options },
    Document { file: "docs/timeline.svg", generate: |_| Ok(picture::generate()) },
    Document { file: "debian/check_imap_session.1", generate: man::generate },
    Document { file: "debian/completions/check_imap_session.bash", generate: |_| Ok(bash::generate()) },
    Document { file: "debian/completions/_check_imap_session", generate: |_| Ok(zsh::generate()) },
];

/// The text with `part` in place of everything between the line `begin` and the next line `end`.
fn replace_part(text: &str, begin: &str, end: &str, part: &str) -> Result<String, String> {
    let split = |text: &str, marker: &str| {
        let found = text.split_once(&format!("\n{marker}\n"));
        found.map(|(before, behind)| (before.to_owned(), behind.to_owned())).ok_or(format!("there is no line {marker}"))
    };
    let (before, rest) = split(text, begin)?;
    // The line end before the marker belongs to what is replaced, if that is not empty.
    let (_, behind) = split(&format!("\n{rest}"), end)?;
    Ok(format!("{before}\n{begin}\n{part}{end}\n{behind}"))
}

/// The options that users see, section by section.
fn list_shown_options() -> impl Iterator<Item = &'static Opt> {
    SECTIONS.iter().flat_map(|section| section.options).filter(|opt| opt.is_shown())
}

/// `-H` and `--hostname`.
fn list_names(opt: &Opt) -> Vec<String> {
    let short = (!opt.short.is_empty()).then(|| format!("-{}", opt.short));
    short.into_iter().chain([format!("--{}", opt.long)]).collect()
}

/// All phases that a run can have, in their order.
fn list_phases() -> impl Iterator<Item = &'static Operation> {
    let set_up = FRAME.iter().filter(|operation| !operation.is_end());
    let end = FRAME.iter().filter(|operation| operation.is_end());
    set_up.chain(OPERATIONS).chain(end).copied()
}

/// The text that a shell completes behind an operation's name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// Nothing, because the name may stand alone.
    End,
    /// A `:` and a mailbox; a pattern may be the name of a mailbox, too.
    Mailbox,
    /// A `:`, a mailbox, a `?` and keys.
    MailboxAndKeys,
}

impl Behind {
    const TARGETS: [Self; 2] = [Self::Mailbox, Self::MailboxAndKeys];

    fn list(takes: Takes) -> &'static [Self] {
        match takes {
            Takes::Nothing => &[Self::End],
            Takes::Mailbox => &[Self::Mailbox],
            Takes::MailboxOrNothing | Takes::PatternOrNothing => &[Self::End, Self::Mailbox],
            Takes::MailboxAndKeys => &[Self::MailboxAndKeys],
        }
    }
}

/// The operations behind which one of these may stand.
fn list_operations(behind: &[Behind]) -> Vec<&'static Operation> {
    let has = |operation: &&Operation| Behind::list(operation.takes).iter().any(|one| behind.contains(one));
    OPERATIONS.iter().copied().filter(has).collect()
}

/// Their names.
fn list_operation_names(behind: &[Behind]) -> Vec<&'static str> {
    list_operations(behind).iter().map(|operation| operation.name).collect()
}

/// `select.messages` of these phases.
fn list_figures(phases: impl IntoIterator<Item = &'static Operation>) -> Vec<String> {
    let name = |phase: &'static Operation| phase.figures.iter().map(|figure| format!("{}.{}", phase.name, figure.name));
    phases.into_iter().flat_map(name).collect()
}

/// The selectors behind which one of these may stand in a threshold.
fn list_selectors(behind: &[Behind]) -> Vec<String> {
    let names = list_operation_names(behind).into_iter().map(str::to_owned);
    names.chain(list_figures(list_operations(behind))).collect()
}

fn list_formats() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name).collect()
}

fn list_mechanisms() -> Vec<&'static str> {
    MECHANISMS.iter().map(|mechanism| mechanism.name).collect()
}

fn list_states() -> Vec<&'static str> {
    STATES.iter().map(|(name, _)| *name).collect()
}

/// Each word with `end` behind it, spaces between.
fn join_with<T: AsRef<str>>(words: impl IntoIterator<Item = T>, end: &str) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("{}{end}", word.as_ref())).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::super::table::Completes;
    use super::*;
    use crate::credentials::secret::Secret;

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let text = "a\n<begin>\nold\nold\n<end>\nb\n";
        let new = replace_part(text, "<begin>", "<end>", "new\n").unwrap();
        assert_eq!(new, "a\n<begin>\nnew\n<end>\nb\n");
        assert_eq!(replace_part(&new, "<begin>", "<end>", "new\n").unwrap(), new);
        assert_eq!(replace_part("a\n<begin>\n<end>\nb\n", "<begin>", "<end>", "new\n").unwrap(), new);
        assert_eq!(replace_part("a\n<begin>\nb\n", "<begin>", "<end>", "").unwrap_err(), "there is no line <end>");
        assert_eq!(replace_part("a\nb\n<end>\n", "<begin>", "<end>", "").unwrap_err(), "there is no line <begin>");
    }

    #[test]
    fn every_row_has_the_text_that_the_documents_need() {
        for opt in list_shown_options() {
            let Opt { long, doc, help, .. } = opt;
            assert!(doc.ends_with('.') && doc.matches('`').count() % 2 == 0, "--{long}: {doc}");
            assert!(!help.contains('`') && !help.ends_with('.'), "--{long}: {help}");
        }
        for Operation { name, help, .. } in list_phases() {
            assert!(!help.is_empty() && !help.ends_with('.') && help.matches('`').count() % 2 == 0, "{name}: {help}");
        }
    }

    #[test]
    fn every_word_that_a_shell_offers_is_accepted() {
        let mut options = Options::new(Secret::new(Vec::new()), Vec::new());
        for opt in list_shown_options() {
            let words = if let Completes::Words(words) = opt.completes { words } else { &[] };
            for word in words {
                assert_eq!((opt.set)(&mut options, word), Ok(()), "--{} {word}", opt.long);
            }
        }
    }
}
