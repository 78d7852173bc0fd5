//! Writes the documents that are made of the program's tables: `make generated`.
#![allow(clippy::print_stdout, reason = "it says what it did")]

use check_imap_session::options::documents::{DOCUMENTS, Document};
use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    for Document { file, generate } in DOCUMENTS {
        let path = project.join(file);
        let committed = fs::read_to_string(&path)?;
        let generated = generate(&committed).map_err(|why| io::Error::other(format!("{file}: {why}")))?;
        if generated == committed {
            println!("{file}: unchanged");
        } else {
            fs::write(path, generated)?;
            println!("{file}: CHANGED");
        }
    }
    Ok(())
}
