//! The man page: its options and operations, in the man macros of troff, see `groff_man(7)`.

use super::super::table::{Opt, SECTIONS, Section};
use super::replace_part;
use crate::operation::{Figure, OPERATIONS, Operation};

const END: &str = r#".\" end"#;

pub(super) fn generate(committed: &str) -> Result<String, String> {
    let options: String = SECTIONS.iter().map(|section| make_section(section)).collect();
    let operations: String = OPERATIONS.iter().map(|operation| make_operation(operation)).collect();
    let text = replace_part(committed, r#".\" generated: options"#, END, &options)?;
    replace_part(&text, r#".\" generated: operations"#, END, &operations)
}

fn make_section(section: &Section) -> String {
    let options = section.options.iter().filter(|opt| opt.is_shown()).map(make_option);
    format!(".SS {}\n", section.title) + &options.collect::<String>()
}

fn make_option(opt: &Opt) -> String {
    let synopsis = opt.make_synopsis();
    let names = synopsis.strip_suffix(opt.value).unwrap_or(&synopsis);
    let names: Vec<String> = names.trim_end().split(", ").map(format_code).collect();
    let gap = if opt.value.is_empty() || opt.has_optional_value() { "" } else { " " };
    let heading = format!("{}{gap}{}", names.join(", "), format_value(opt.value));
    let placeholders: Vec<&str> = opt.value.split(|c| !is_placeholder(c)).filter(|word| !word.is_empty()).collect();
    format!(".TP\n{heading}\n{}", format_text(opt.doc, &placeholders))
}

fn make_operation(operation: &Operation) -> String {
    let heading = format!("{}{}", format_code(operation.name), format_value(operation.takes.show_placeholder()));
    let name_figure = |figure: &&Figure| format!("`{}` ({})", figure.name, figure.help);
    let figures: Vec<String> = operation.figures.iter().map(name_figure).collect();
    let figures = match figures.as_slice() {
        [] => String::new(),
        [figure] => format!(" Figure: {figure}."),
        figures => format!(" Figures: {}.", figures.join(", ")),
    };
    format!(".TP\n{heading}\n{}", format_text(&format!("{}.{figures}", operation.help), &[]))
}

/// Placeholders are italic, brackets roman, and text that the user types literally is bold.
fn format_value(value: &str) -> String {
    let font = |c: char| {
        if is_placeholder(c) {
            "I"
        } else if "[]".contains(c) {
            "R"
        } else {
            "B"
        }
    };
    let mut formatted = String::new();
    let mut last = "R";
    for c in value.chars() {
        if font(c) != last {
            last = font(c);
            formatted.extend(["\\f", last]);
        }
        formatted += &escape(c);
    }
    if last == "R" { formatted } else { formatted + "\\fR" }
}

fn is_placeholder(c: char) -> bool {
    c.is_ascii_uppercase()
}

/// Bold, and each character as it is to be typed.
fn format_code(code: &str) -> String {
    format!("\\fB{}\\fR", code.chars().map(escape).collect::<String>())
}

/// One sentence a line; what stands between backticks is bold, what stands for the value italic.
fn format_text(text: &str, placeholders: &[&str]) -> String {
    split_sentences(text).iter().map(|sentence| format_sentence(sentence, placeholders) + "\n").collect()
}

fn format_sentence(sentence: &str, placeholders: &[&str]) -> String {
    let mut formatted = String::new();
    for (number, part) in sentence.split('`').enumerate() {
        if number % 2 == 1 {
            formatted += &format_code(part);
            continue;
        }
        for piece in part.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if placeholders.contains(&word) {
                formatted += &piece.replacen(word, &format!("\\fI{word}\\fR"), 1);
            } else {
                // A hyphen of the language stays one.
                formatted += &piece.replace('\\', "\\e");
            }
        }
    }
    // Such a line would be a request to troff.
    if formatted.starts_with(['.', '\'']) { format!("\\&{formatted}") } else { formatted }
}

/// A sentence ends with a full stop before a capital letter or code.
fn split_sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut rest = text;
    let is_end = |(place, _): &(usize, &str)| {
        text.get(place + 2..).is_some_and(|next| next.starts_with(|c: char| c.is_uppercase() || c == '`'))
    };
    let ends: Vec<usize> = text.match_indices(". ").filter(is_end).map(|(place, _)| place + 1).collect();
    for end in ends {
        if let Some((sentence, behind)) = rest.split_at_checked(end - (text.len() - rest.len())) {
            sentences.push(sentence);
            rest = behind.trim_start();
        }
    }
    sentences.push(rest);
    sentences
}

/// So that a reader can copy it: troff would make typographic marks of these.
fn escape(c: char) -> String {
    match c {
        '\\' => "\\e".to_owned(),
        '-' => "\\-".to_owned(),
        '\'' => "\\(aq".to_owned(),
        '`' => "\\(ga".to_owned(),
        '^' => "\\(ha".to_owned(),
        '~' => "\\(ti".to_owned(),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_troff_one_sentence_a_line() {
        let text = "Limit of FILE, read-only, by `-t a\\b`. `--x`: 0.1 s. .profile of it.";
        assert_eq!(
            format_text(text, &["FILE"]),
            "Limit of \\fIFILE\\fR, read-only, by \\fB\\-t a\\eb\\fR.\n\\fB\\-\\-x\\fR: 0.1 s. .profile of it.\n"
        );
        assert_eq!(format_text(".profile", &[]), "\\&.profile\n");
    }

    #[test]
    fn values_have_the_fonts_of_man_pages() {
        assert_eq!(format_value("[PHASE=]STATE"), "[\\fIPHASE\\fB=\\fR]\\fISTATE\\fR");
        assert_eq!(format_value(""), "");
    }
}
