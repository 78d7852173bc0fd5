//! The RPM package that `make rpm` made: what it asks for, what is in it, that rpm installs and removes it. Without a
//! package that is newer than the sources there is nothing to test; RPM names one that lies elsewhere than in target/rpm.
//! That it installs on Enterprise Linux 9 is read from what it asks for: that system is not there to be tried.

use crate::package::{NAME, files, find_made};
use crate::real::{have, output, project, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const PLUGIN: &str = "usr/lib64/nagios/plugins/check_imap_session";

fn rpm() -> Option<PathBuf> {
    have(&["rpm"]).then(|| find_made("rpm", &format!("{NAME}-"), ".rpm", "RPM"))?
}

fn ask(rpm: &PathBuf, question: &str) -> String {
    run(Command::new("rpm").args(["-qp", question]).arg(rpm))
}

#[test]
fn it_asks_for_nothing_that_enterprise_linux_9_does_not_have() {
    let Some(rpm) = rpm() else { return };
    let required = ask(&rpm, "--requires");
    for line in required.lines() {
        if let Some(version) = line.strip_prefix("libc.so.6(GLIBC_") {
            let version = version.split(')').next().unwrap();
            let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
            assert!(numbers <= vec![2, 34], "glibc {version}: {required}");
        } else {
            let known = ["libc.so.6()(64bit)", "rtld(GNU_HASH)"].contains(&line)
                || ["libcrypto.so.3", "libssl.so.3"].iter().any(|library| {
                    line == format!("{library}()(64bit)") || line == format!("{library}(OPENSSL_3.0.0)(64bit)")
                })
                // rpm 4.16 knows these.
                || ["CompressedFileNames", "FileDigests", "PayloadFilesHavePrefix", "PayloadIsZstd"]
                    .iter()
                    .any(|feature| line.starts_with(&format!("rpmlib({feature}) ")));
            assert!(known, "{line}");
        }
    }
    assert!(required.contains("libc.so.6(GLIBC_2.34)"), "the plugin was looked at: {required}");
    assert_eq!(ask(&rpm, "--recommends").trim(), "ca-certificates");
}

#[test]
fn it_says_whose_it_is_and_rpmlint_finds_no_error_but_the_signature() {
    let Some(rpm) = rpm() else { return };
    let version = run(Command::new("rpm").args(["-qp", "--qf", "%{VERSION} %{PACKAGER} %{BUILDHOST}"]).arg(&rpm));
    let packager = "The check_imap_session authors <check-imap-session@example.org>";
    assert_eq!(version, format!("{} {packager} localhost", env!("CARGO_PKG_VERSION")));
    let changes = ask(&rpm, "--changelog");
    let newest = changes.lines().next().unwrap();
    assert!(newest.ends_with(&format!("{packager} - {}-1", env!("CARGO_PKG_VERSION"))), "{newest}: debian/rpm.spec");

    if !have(&["rpmlint"]) {
        return;
    }
    let found = String::from_utf8(output(Command::new("rpmlint").arg(&rpm)).stdout).unwrap();
    let errors: Vec<&str> = found.lines().filter(|line| line.contains(": E: ")).collect();
    assert!(errors.len() == 1 && errors[0].ends_with("E: no-signature"), "{found}");
}

#[test]
fn rpm_installs_it_with_every_file_in_its_place_and_removes_it() {
    let Some(rpm) = rpm() else { return };
    if run(Command::new("id").arg("-u")).trim() != "0" {
        eprintln!("SKIPPED, NOT TESTED: only root can install a package");
        return;
    }
    // A system of its own with an empty list of packages: what the package needs is not there.
    let root = tempfile::tempdir().unwrap();
    let on_root = |arguments: &[&str]| {
        let mut command = Command::new("rpm");
        command.arg(format!("--root={}", root.path().display())).arg("--dbpath=/rpm").args(arguments);
        run(&mut command)
    };
    on_root(&["--initdb"]);
    on_root(&["--install", "--nodeps", "--force-debian", rpm.to_str().unwrap()]);
    assert_eq!(on_root(&["--verify", "--nodeps", NAME]), "");

    let doc = format!("usr/share/doc/{NAME}");
    let licences = format!("usr/share/licenses/{NAME}");
    let mut wanted: BTreeSet<String> = [
        PLUGIN,
        "usr/share/man/man1/check_imap_session.1.gz",
        "usr/share/bash-completion/completions/check_imap_session",
        "usr/share/zsh/site-functions/_check_imap_session",
    ]
    .map(str::to_owned)
    .into();
    wanted.insert(format!("{doc}/icinga"));
    wanted.insert(format!("{licences}/crates.txt"));
    let mut same = |source: String, place: String| {
        let shipped = fs::read(root.path().join(&place)).unwrap_or_default();
        assert!(shipped == fs::read(project(&source)).unwrap(), "{source} is not the same in the package");
        wanted.insert(place);
    };
    for file in ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        same(file.to_owned(), format!("{doc}/{file}"));
    }
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        same(file.to_owned(), format!("{licences}/{file}"));
    }
    for file in files(&project("docs")) {
        same(format!("docs/{file}"), format!("{doc}/docs/{file}"));
    }
    for file in files(&project("icinga")) {
        same(format!("icinga/{file}"), format!("{doc}/examples/{}", file.strip_prefix("examples/").unwrap_or(&file)));
    }
    let installed = || {
        let files = files(root.path()).into_iter().filter(|file| !file.starts_with("rpm/"));
        files.collect::<BTreeSet<String>>()
    };
    assert_eq!(installed(), wanted);
    let version = output(Command::new(root.path().join(PLUGIN)).arg("--version")).stdout;
    let wanted = concat!("check_imap_session ", env!("CARGO_PKG_VERSION"), " (OpenSSL 3.");
    assert!(version.starts_with(wanted.as_bytes()), "{version:?}");

    on_root(&["--erase", NAME]);
    assert_eq!(installed(), BTreeSet::new());
}
