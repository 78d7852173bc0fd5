//! The Debian package that `make deb` made: what is in it, where it goes, that it can be installed and purged. Without
//! a package that is newer than the sources there is nothing to test; DEB names one that lies elsewhere than in
//! target/deb.

use crate::real::{BINARY, have, output, project, run};
use crate::testkit::dovecot::dovecot;
use crate::testkit::nagios::begin_item;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

pub const NAME: &str = "monitoring-plugins-imap-session";
const PLUGIN: &str = "usr/lib/nagios/plugins/check_imap_session";

/// The package, if there is one.
fn deb() -> Option<PathBuf> {
    have(&["dpkg-deb", "dpkg"]).then(|| find_made("deb", &format!("{NAME}_"), ".deb", "DEB"))?
}

/// A package that `make` put into this folder of target, if there is one that is newer than the sources; or that the
/// environment names.
pub fn find_made(folder: &str, prefix: &str, suffix: &str, variable: &str) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(variable) {
        return Some(named.into());
    }
    let targets = [Path::new(BINARY).ancestors().nth(2).unwrap().to_owned(), project("target")];
    let packages = targets.iter().flat_map(|target| fs::read_dir(target.join(folder)).into_iter().flatten());
    let packages = packages.map(|file| file.unwrap().path()).filter(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(suffix)
    });
    let found = packages.max_by_key(|file| changed(file));
    let Some(found) = found else {
        eprintln!("SKIPPED, NOT TESTED: there is no package in target/{folder} (make {folder} makes it)");
        return None;
    };
    let made = changed(&found);
    let sources = ["icinga", "debian", "docs", "src"].map(project);
    let newer = sources.iter().flat_map(|folder| files(folder).into_iter().map(|file| folder.join(file)));
    if let Some(newer) = newer.into_iter().find(|file| changed(file) > made) {
        eprintln!("SKIPPED, NOT TESTED: {} is older than {} (make {folder})", found.display(), newer.display());
        return None;
    }
    Some(found)
}

fn changed(file: &Path) -> SystemTime {
    file.metadata().unwrap().modified().unwrap()
}

fn unpacked(deb: &Path) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(root.path()));
    root
}

/// Every file and link below a folder, as a path from there.
pub fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn the_package_has_every_file_in_its_place_and_no_other() {
    let Some(deb) = deb() else { return };
    let root = unpacked(&deb);
    let doc = format!("usr/share/doc/{NAME}");
    let mut wanted: BTreeSet<String> = [
        PLUGIN,
        "etc/nagios-plugins/config/imap_session.cfg",
        "usr/share/man/man1/check_imap_session.1.gz",
        "usr/share/bash-completion/completions/check_imap_session",
        "usr/share/zsh/vendor-completions/_check_imap_session",
        &format!("usr/share/lintian/overrides/{NAME}"),
    ]
    .map(str::to_owned)
    .into();
    // The documents link to icinga/.
    assert_eq!(fs::read_link(root.path().join(&doc).join("icinga")).unwrap(), Path::new("examples"));
    let documents = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "icinga"];
    for file in documents.iter().chain(&["changelog.gz", "changelog.Debian.gz", "copyright", "crates.txt.gz"]) {
        wanted.insert(format!("{doc}/{file}"));
    }
    for file in files(&project("icinga")) {
        let place = format!("{doc}/examples/{}", file.strip_prefix("examples/").unwrap_or(&file));
        let shipped = fs::read(root.path().join(&place)).unwrap_or_default();
        assert!(
            shipped == fs::read(project("icinga").join(&file)).unwrap(),
            "icinga/{file} is not the same in the package"
        );
        wanted.insert(place);
    }
    for file in files(&project("docs")) {
        let place = format!("{doc}/docs/{file}");
        let shipped = fs::read(root.path().join(&place)).unwrap_or_default();
        assert!(
            shipped == fs::read(project("docs").join(&file)).unwrap(),
            "docs/{file} is not the same in the package"
        );
        wanted.insert(place);
    }
    assert_eq!(files(root.path()), wanted);

    let version = run(Command::new("dpkg-deb").arg("-f").arg(&deb).arg("Version"));
    assert!(version.starts_with(concat!(env!("CARGO_PKG_VERSION"), "-")), "{version}: see debian/changelog");
    let conffiles = run(Command::new("dpkg-deb").arg("-I").arg(&deb).arg("conffiles"));
    assert_eq!(conffiles.trim(), "/etc/nagios-plugins/config/imap_session.cfg");
}

#[test]
fn the_packaged_plugin_runs_and_is_hardened() {
    let Some(deb) = deb() else { return };
    let root = unpacked(&deb);
    let plugin = root.path().join(PLUGIN);
    let version = output(Command::new(&plugin).arg("--version"));
    let wanted = concat!("check_imap_session ", env!("CARGO_PKG_VERSION"), " (OpenSSL 3.");
    assert!(String::from_utf8_lossy(&version.stdout).starts_with(wanted), "{version:?}");

    let dovecot = dovecot();
    let mut command = Command::new(&plugin);
    command.env_clear().args(["-H", "localhost", "-u", "ordinary", "-m", "Archive", "-p"]);
    command.arg(dovecot.imaps_port.to_string()).arg("--ca-file").arg(&dovecot.ca_file);
    command.arg("--password-file").arg(dovecot.password_file("ordinary"));
    let shown = run(&mut command);
    let messages = begin_item("select", "Archive", "messages") + "5;";
    assert!(shown.starts_with("IMAP is OK: localhost: login ") && shown.contains(&messages), "{shown}");

    let headers = run(Command::new("readelf").args(["-W", "-h", "-l", "-d"]).arg(&plugin));
    for wanted in ["Position-Independent Executable", "GNU_RELRO", "Flags: NOW PIE"] {
        assert!(headers.contains(wanted), "{wanted}: {headers}");
    }
    // build.rs says why.
    let needed: Vec<&str> = headers.lines().filter(|line| line.contains("(NEEDED)")).collect();
    assert!(needed.first().is_some_and(|first| first.contains("[libcrypto.so.")), "{needed:?}");
    // Whose machine it was built on is nobody's business.
    let home = std::env::var("HOME").unwrap_or_default();
    if home.len() > 1 {
        let bytes = fs::read(&plugin).unwrap();
        let inside = bytes.windows(home.len() + 1).any(|part| part == format!("{home}/").as_bytes());
        assert!(!inside, "{home} is named in the plugin");
    }
}

#[test]
fn dpkg_installs_it_and_a_purge_leaves_nothing() {
    let Some(deb) = deb() else { return };
    if run(Command::new("id").arg("-u")).trim() != "0" {
        eprintln!("SKIPPED, NOT TESTED: only root can install a package");
        return;
    }
    // A system of its own with an empty list of packages: what the package needs is not there, and none of the real one
    // is touched.
    let root = tempfile::tempdir().unwrap();
    let list = root.path().join("var/lib/dpkg");
    fs::create_dir_all(list.join("info")).unwrap();
    fs::create_dir_all(list.join("updates")).unwrap();
    fs::write(list.join("status"), "").unwrap();
    let dpkg = |arguments: &[&str]| {
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", root.path().display())).arg("--log=/dev/null").arg("--force-depends");
        run(command.args(arguments))
    };
    dpkg(&["--install", deb.to_str().unwrap()]);
    assert!(dpkg(&["--status", NAME]).contains("Status: install ok installed"));
    assert!(root.path().join(PLUGIN).is_file());
    let verified = dpkg(&["--verify", NAME]);
    assert_eq!(verified, "");

    dpkg(&["--purge", NAME]);
    let left: Vec<String> = files(root.path()).into_iter().filter(|file| !file.starts_with("var/lib/dpkg/")).collect();
    assert_eq!(left, [""; 0]);
    assert!(!root.path().join("etc/nagios-plugins").exists());
}
