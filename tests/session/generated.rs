//! The committed documents are what the tables of options and operations make of them.

use check_imap_session::options::documents::{DOCUMENTS, Document};
use std::fs;
use std::path::Path;

#[test]
fn committed_documents_are_what_make_generated_makes() {
    let complaints: Vec<String> = DOCUMENTS.iter().filter_map(explain_difference).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn explain_difference(document: &Document) -> Option<String> {
    let file = document.file;
    let committed = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file);
    let generated = match (document.generate)(&committed) {
        Ok(generated) => generated,
        Err(why) => return Some(format!("{file}: {why}")),
    };
    if generated == committed {
        return None;
    }
    // An empty line at the end of either, so that the shorter one differs where the longer one goes on.
    let lines = committed.lines().chain([""]).zip(generated.lines().chain([""]));
    let (number, (is, ought)) = lines.enumerate().find(|(_, (is, ought))| is != ought).unwrap_or_default();
    Some(format!(
        "{file} is not what `make generated` makes: run it, then commit the file. The first line that differs is {}:\n  committed: {is}\n  generated: {ought}",
        number + 1
    ))
}
