//! The documents for people: that links between them hold, and that none is too long to be read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A reader looks for the way to his own server in README, and gives up on a long page.
const MOST_LINES_OF_README: usize = 160;
const MOST_LINES: usize = 300;

#[test]
fn links_between_documents_hold() {
    let complaints: Vec<String> = list_documents().iter().flat_map(|document| list_broken_links(document)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_document_is_too_long() {
    for document in list_documents() {
        let most = if document == Path::new("README.md") { MOST_LINES_OF_README } else { MOST_LINES };
        let lines = read(&document).lines().count();
        // A changelog grows with every version.
        assert!(lines <= most || document == Path::new("CHANGELOG.md"), "{}: {lines} lines", document.display());
    }
}

#[test]
fn every_document_is_reached_from_readme() {
    let mut reached = BTreeSet::new();
    let mut next = vec![PathBuf::from("README.md")];
    while let Some(document) = next.pop() {
        if reached.insert(document.clone()) {
            let links = list_links(&read(&document)).into_iter().filter_map(|link| find_file(&document, &link));
            next.extend(links.filter(|path| path.extension().is_some_and(|end| end == "md")));
        }
    }
    let documents: BTreeSet<PathBuf> = list_documents().into_iter().collect();
    let lost: Vec<_> = documents.difference(&reached).collect();
    assert!(lost.is_empty(), "no link leads to {lost:?}");
}

/// Paths in the project.
pub fn list_documents() -> Vec<PathBuf> {
    let mut documents = Vec::new();
    for folder in ["", "docs", "icinga", "fuzz"] {
        for entry in fs::read_dir(project().join(folder)).expect(folder) {
            let name = entry.expect("an entry").file_name();
            if Path::new(&name).extension().is_some_and(|end| end == "md") {
                documents.push(Path::new(folder).join(name));
            }
        }
    }
    assert!(documents.len() > 10, "{documents:?}");
    documents
}

fn list_broken_links(document: &Path) -> Vec<String> {
    let complain = |link: &String| {
        let path = find_file(document, link)?;
        if !project().join(&path).exists() {
            return Some(format!("{}: {link}: there is no such file", document.display()));
        }
        (!has_heading(&path, link)).then(|| format!("{}: {link}: there is no such heading", document.display()))
    };
    list_links(&read(document)).iter().filter_map(complain).collect()
}

/// A reader looks for the words that he sees. Words of other programs begin with a capital letter.
#[test]
fn messages_in_the_table_of_troubles_are_those_of_the_program() {
    let source = read_sources(&project().join("src"));
    let table = read(Path::new("docs/troubleshooting.md"));
    let (_, own) = table.split_once("## The command line").unwrap();
    let messages = own.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let quoted: Vec<&str> = messages.flat_map(|message| message.split('`').skip(1).step_by(2)).collect();
    assert!(quoted.len() > 60, "{quoted:?}");
    let unknown: Vec<&str> = quoted.into_iter().filter(|message| !is_printed(message, &source)).collect();
    assert!(unknown.is_empty(), "no message of the program: {unknown:#?}");
    for changed in ["the server's last line: ...", "certificate has run out (... ago)"] {
        assert!(!is_printed(changed, &source), "{changed}");
    }
}

/// Whether each part of a message is in the source: the parts between `...` and marks. The word at the end of a part may
/// be put in by the program, such as the name of a phase.
fn is_printed(message: &str, source: &str) -> bool {
    let parts = message.split("...").flat_map(|part| part.split([':', ',', '(', ')', '?']));
    let is_known = |words: &[&str]| words.len() < 2 || source.contains(&words.join(" "));
    parts.map(|part| part.split_whitespace().collect::<Vec<_>>()).all(|words| match words.as_slice() {
        [] => true,
        [first, ..] if first.starts_with(char::is_uppercase) => true,
        [_, without_first @ ..] => is_known(&words) || is_known(without_first) || is_known(&words[..words.len() - 1]),
    })
}

/// All files of a folder in one, without comments, and with long strings in one line.
fn read_sources(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = paths.map(|path| if path.is_dir() { read_sources(&path) } else { fs::read_to_string(path).unwrap() });
    let text: String = texts.collect();
    let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    code.collect::<Vec<_>>().join("\n").replace("\\\n", "")
}

/// Whatever stands in `](` `)` or in an attribute of HTML.
fn list_links(text: &str) -> Vec<String> {
    let starts = ["](", "src=\"", "srcset=\"", "href=\""];
    let behind = |start: &'static str| text.split(start).skip(1);
    let links = starts.iter().flat_map(|start| behind(start)).filter_map(|rest| rest.split([')', '"']).next());
    links.map(str::to_owned).collect()
}

/// The path in the project; nothing for the address of a site.
fn find_file(document: &Path, link: &str) -> Option<PathBuf> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let file = link.split('#').next().unwrap_or_default();
    if file.is_empty() {
        return Some(document.to_owned());
    }
    let mut path = document.parent().map(Path::to_owned).unwrap_or_default();
    for part in Path::new(file) {
        if part == ".." {
            path.pop();
        } else {
            path.push(part);
        }
    }
    Some(path)
}

/// An anchor is a heading in lower case, without marks, with `-` for each blank.
fn has_heading(path: &Path, link: &str) -> bool {
    let Some((_, anchor)) = link.split_once('#') else { return true };
    let make_anchor = |heading: &str| {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect::<String>()
    };
    read(path)
        .lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| make_anchor(line.trim_matches(['#', ' '])) == anchor)
}

pub fn read(document: &Path) -> String {
    fs::read_to_string(project().join(document)).unwrap_or_else(|why| panic!("{}: {why}", document.display()))
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
