//! The archive that `make portable` made: what is in it, what its plugin asks of a system, and that it runs on an older one,
//! a Debian 11 with glibc 2.31. Without an archive that is newer than the sources there is nothing to test; PORTABLE names
//! one that lies elsewhere than in target/portable.

use crate::package::{files, find_made};
use crate::real::{have, output, project, run};
use crate::testkit::dovecot::{Dovecot, dovecot};
use crate::testkit::linkage::Linkage;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The archive, unpacked, and the one folder that is in it.
fn unpacked() -> Option<(tempfile::TempDir, PathBuf)> {
    let archive = find_made("portable", "check_imap_session-", ".tar.gz", "PORTABLE")?;
    let name = archive.file_name().unwrap().to_str().unwrap();
    let checked =
        Command::new("sha256sum").arg("-c").arg(format!("{name}.sha256")).current_dir(folder_of(&archive)).output();
    assert_eq!(String::from_utf8(checked.unwrap().stdout).unwrap(), format!("{name}: OK\n"));
    let listed = run(Command::new("tar").args(["-tv", "--numeric-owner", "-f"]).arg(&archive));
    assert!(listed.lines().all(|line| line.contains(" 0/0 ")), "{listed}");
    let unpacked = tempfile::tempdir().unwrap();
    run(Command::new("tar").arg("-x").arg("-C").arg(unpacked.path()).arg("-f").arg(&archive));
    let folder = unpacked.path().join(name.trim_end_matches(".tar.gz"));
    Some((unpacked, folder))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap()
}

#[test]
fn the_archive_has_the_plugin_and_all_that_belongs_to_it() {
    let Some((unpacked, folder)) = unpacked() else { return };
    assert_eq!(fs::read_dir(unpacked.path()).unwrap().count(), 1);
    let mut wanted: BTreeSet<String> = ["check_imap_session", "crates.txt"].map(str::to_owned).into();
    let mut same = |source: String, place: String| {
        let packed = fs::read(folder.join(&place)).unwrap_or_default();
        assert!(packed == fs::read(project(&source)).unwrap(), "{source} is not the same in the archive");
        wanted.insert(place);
    };
    for file in ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        same(file.to_owned(), file.to_owned());
    }
    same("debian/check_imap_session.1".to_owned(), "check_imap_session.1".to_owned());
    for file in files(&project("debian/completions")) {
        same(format!("debian/completions/{file}"), format!("completions/{file}"));
    }
    for part in ["docs", "icinga"] {
        for file in files(&project(part)) {
            same(format!("{part}/{file}"), format!("{part}/{file}"));
        }
    }
    assert_eq!(files(&folder), wanted);
    let licences = fs::read_to_string(folder.join("crates.txt")).unwrap();
    assert!(licences.contains("==== aws-lc-sys "), "the licence of AWS-LC goes along");
}

#[test]
fn its_plugin_asks_for_glibc_2_17_alone() {
    const MOST: u64 = 6_000_000;
    let Some((_unpacked, folder)) = unpacked() else { return };
    let plugin = folder.join("check_imap_session");
    let size = plugin.metadata().unwrap().len();
    assert!(size <= MOST, "{size} bytes");
    if let Some(linkage) = have(&["readelf"]).then(|| Linkage::read(&plugin)).flatten() {
        assert!(linkage.glibc <= (2, 17), "glibc {:?}", linkage.glibc);
        for library in &linkage.libraries {
            let glibc = ["libc.so.6", "libpthread.so.0", "libdl.so.2", "libm.so.6", "librt.so.1", "libresolv.so.2"];
            assert!(glibc.contains(&library.as_str()) || library.starts_with("ld-linux-"), "{library}");
        }
    }
    // Whose machine it was built on is nobody's business, and would make another hash.
    let bytes = fs::read(&plugin).unwrap();
    let home = std::env::var("HOME").unwrap_or_default();
    for path in [home.as_str(), env!("CARGO_MANIFEST_DIR")].into_iter().filter(|path| path.len() > 1) {
        let inside = bytes.windows(path.len() + 1).any(|part| part == format!("{path}/").as_bytes());
        assert!(!inside, "{path} is named in the plugin");
    }
}

#[test]
fn its_plugin_runs_on_debian_11_with_names_and_trust_of_that_system() {
    let Some((_unpacked, folder)) = unpacked() else { return };
    let Some(debian) = debian_11() else { return };
    let dovecot = dovecot();
    let place = debian.join("opt/plugin");
    fs::create_dir_all(&place).unwrap();
    fs::copy(folder.join("check_imap_session"), place.join("check_imap_session")).unwrap();
    fs::copy(&dovecot.ca_file, place.join("ca.pem")).unwrap();
    fs::copy(dovecot.password_file("ordinary"), place.join("password")).unwrap();
    fs::write(debian.join("etc/hosts"), "127.0.0.1 localhost imap.example.org\n").unwrap();
    fs::write(debian.join("etc/resolv.conf"), "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").unwrap();
    let nsswitch = debian.join("etc/nsswitch.conf");
    fs::write(&nsswitch, "hosts: files dns\n").unwrap();

    let version = String::from_utf8(output(&mut plugin(&debian, &["-V"])).stdout).unwrap();
    assert!(version.contains(env!("CARGO_PKG_VERSION")) && version.contains("AWS-LC"), "{version}");

    let ca_file = ["--ca-file", "/opt/plugin/ca.pem"];
    for host in ["localhost", "imap.example.org", "127.0.0.1"] {
        let shown = run(&mut check(&debian, dovecot, host, &ca_file));
        assert!(shown.starts_with(&format!("IMAP is OK: {host}: login ")), "{shown}");
    }
    let system = || output(&mut check(&debian, dovecot, "imap.example.org", &[]));
    let local = debian.join("usr/local/share/ca-certificates/dovecot.crt");
    let _ = fs::remove_file(&local);
    run(Command::new("chroot").arg(&debian).args(["update-ca-certificates", "--fresh"]));
    assert_eq!(system().status.code(), Some(2), "a CA that the system does not know: {:?}", system());
    fs::copy(&dovecot.ca_file, &local).unwrap();
    run(Command::new("chroot").arg(&debian).arg("update-ca-certificates"));
    assert_eq!(system().status.code(), Some(0), "{:?}", system());

    // It is the system that resolves names: /etc/hosts does not count if the system does not look there.
    fs::write(&nsswitch, "hosts: dns\n").unwrap();
    let unknown = output(&mut check(&debian, dovecot, "imap.example.org", &ca_file));
    assert!(String::from_utf8_lossy(&unknown.stdout).contains("resolve"), "{unknown:?}");
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}

fn plugin(debian: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("chroot");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.arg(debian).arg("/opt/plugin/check_imap_session").args(arguments);
    command
}

fn check(debian: &Path, dovecot: &Dovecot, host: &str, arguments: &[&str]) -> Command {
    let mut command = plugin(debian, &["-H", host, "-u", "ordinary", "--password-file", "/opt/plugin/password"]);
    command.args(["-t", "20", "-p"]).arg(dovecot.imaps_port.to_string()).args(arguments);
    command
}

/// A Debian 11 in a folder, made once: that takes a minute, and 250 MB.
fn debian_11() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-11");
    if run(Command::new("id").arg("-u")).trim() != "0" {
        eprintln!("SKIPPED, NOT TESTED: only root can run the portable plugin in a Debian 11");
        return None;
    }
    if root.exists() {
        return Some(root);
    }
    if !have(&["debootstrap"]) {
        return None;
    }
    let part = root.with_extension("part");
    let _ = fs::remove_dir_all(&part);
    let mut command = Command::new("debootstrap");
    command.args(["--variant=minbase", "--include=ca-certificates", "bullseye"]).arg(&part);
    let made = output(&mut command);
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stdout);
        eprintln!("SKIPPED, NOT TESTED: there is no Debian 11 to run the portable plugin in: {said}");
        return None;
    }
    fs::rename(&part, &root).unwrap();
    Some(root)
}
