//! The house: a module imports only those that stand above it in `lib.rs`, so that there is no circle; and no file is too
//! long to be read at once.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file, comments included, tests not.
const MAX_LINES: usize = 300;
const MAX_MAIN_LINES: usize = 60;

#[test]
fn no_import_runs_up() {
    let library = fs::read_to_string(source("lib.rs")).unwrap();
    let order: Vec<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let place = |module: &str| order.iter().position(|other| *other == module);
    assert!(order.len() > 8, "{order:?}");
    for file in list_files(&source("")) {
        let path = file.strip_prefix(source("")).unwrap();
        let module = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let Some(own) = place(module) else { continue };
        let text = without_tests(&file);
        for part in text.split("crate::").skip(1) {
            let name = part.split(|c: char| !(c.is_ascii_lowercase() || c == '_')).next().unwrap();
            let imported = place(name).unwrap_or_else(|| panic!("{name} in {} is no module of lib.rs", path.display()));
            assert!(imported <= own, "{} imports {name}, which stands below {module} in lib.rs", path.display());
        }
    }
}

#[test]
fn every_file_can_be_read_at_once() {
    for file in list_files(&source("")) {
        let lines = without_tests(&file).lines().count();
        let most = if file.ends_with("main.rs") { MAX_MAIN_LINES } else { MAX_LINES };
        assert!(lines <= most, "{} has {lines} lines, the most is {most}", file.display());
    }
}

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)
}

/// All files but those that hold tests alone.
fn list_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { list_files(&path) } else { vec![path] });
    files.filter(|file| !file.ends_with("tests.rs")).collect()
}

fn without_tests(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.split("\n#[cfg(test)]\nmod ").next().unwrap().to_owned()
}
